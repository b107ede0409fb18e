// Package accounts keeps who is signed in, in the auth service's own PostgreSQL
// database: sign-ins under way, sessions, signing keys. It is apart from the
// catalogue, so that neither waits for nor falls with the other.
//
// Its promise: what can be used once is used once, whatever number of processes
// ask at the same moment; each method is one transaction. Everything live is
// judged by the caller's clock.
package accounts

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"movies/internal/auth"
	"movies/internal/movie"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an auth.Store. It is safe for concurrent use.
type Store struct{ pool *pgxpool.Pool }

var _ auth.Store = (*Store)(nil)

// New makes a store of the database at url, in libpq's URL or key=value form. It
// connects when it is first used; only a url that is not valid is an error.
func New(url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("AUTH_DATABASE_URL (--auth-database-url) must be a libpq URL such as postgres://user:password@host:5432/auth")
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("AUTH_DATABASE_URL (--auth-database-url): %w", err)
	}
	return &Store{pool}, nil
}

// Close waits for running queries and closes all connections.
func (s *Store) Close() { s.pool.Close() }

// Migrate brings the schema up to date. It goes forward only; processes that
// start together wait for each other.
func (s *Store) Migrate(ctx context.Context) (err error) {
	db := stdlib.OpenDB(*s.pool.Config().ConnConfig.Copy())
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return s.explain(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the auth database: %w", err)
	}
	return nil
}

// explain turns what pgx says into one of the kinds that callers tell apart.
func (s *Store) explain(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return movie.ErrNotFound
	case errors.As(err, &refused) && !slices.Contains(passing, refused.Code[:2]):
		return fmt.Errorf("auth database: %w", err)
	}
	at := s.pool.Config().ConnConfig
	return fmt.Errorf("%w: the auth database at %s:%d: %w", movie.ErrUnavailable, at.Host, at.Port, err)
}

// passing are classes of SQLSTATE that pass: connection, authorization and
// catalogue while it is being set up, resources, operator, system, and a schema
// that is not migrated yet.
var passing = []string{"08", "28", "3D", "53", "55", "57", "58", "42"}
