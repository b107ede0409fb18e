// Package postgres is the source of truth: the catalogue in PostgreSQL and the
// capture of its changes. It is the only importer of pgx and, in migrations/, the
// only owner of the schema.
//
// It keeps two promises. A movie is written whole or not at all: its row and all
// rows it owns in one transaction. And a committed change is captured whoever
// makes it: triggers leave the ids in the WAL, so that raw SQL counts as much as
// the methods here (migrations/00002_changes.sql says how).
//
// No table is partitioned. The unique imdb_id would need a table of its own, every
// statement trigger a copy on every partition, and the plans of the service's
// queries (all by key) would gain nothing; to be decided anew from measured plans.
package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/movie"
)

// Querier runs queries: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Catalog reads and writes movies. It is safe for concurrent use.
type Catalog struct{ pool *pgxpool.Pool }

// Open connects to the database at url, in libpq's URL or key=value form, and
// checks that its schema is the one this program knows. The caller closes the
// catalogue.
func Open(ctx context.Context, url string) (*Catalog, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL is not valid: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	c := &Catalog{pool: pool}
	if err := c.Ready(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return c, nil
}

// Close waits for running queries and closes all connections.
func (c *Catalog) Close() { c.pool.Close() }

// Ready reports, as an error of kind movie.ErrUnavailable, that Postgres does not
// answer or that its schema is older than this program needs.
func (c *Catalog) Ready(ctx context.Context) error {
	var version int64
	err := c.pool.QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == undefinedTable:
		return fmt.Errorf("%w: the database %q has no schema yet; run: catalog migrate", movie.ErrUnavailable, c.database())
	case err != nil:
		return unreachable(err, c.pool.Config().ConnConfig)
	case version < schemaVersion():
		return fmt.Errorf("%w: the schema of database %q is at version %d and this program needs %d; run: catalog migrate",
			movie.ErrUnavailable, c.database(), version, schemaVersion())
	}
	return nil
}

func (c *Catalog) database() string { return c.pool.Config().ConnConfig.Database }

// unreachable says where Postgres was expected and why it is not there; never
// the password.
func unreachable(err error, at *pgx.ConnConfig) error {
	return fmt.Errorf("%w: Postgres at %s:%d (database %q) cannot be used: %w", movie.ErrUnavailable, at.Host, at.Port, at.Database, rootCause(err))
}

// rootCause is the innermost error; of several tries to connect, that of the last.
func rootCause(err error) error {
	var tries interface{ Unwrap() []error }
	for errors.As(err, &tries) && len(tries.Unwrap()) > 0 {
		err = tries.Unwrap()[len(tries.Unwrap())-1]
	}
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}

// SQLSTATE codes that are handled.
const (
	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
	foreignKeyViolation   = "23503"
	uniqueViolation       = "23505"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	lockNotAvailable      = "55P03"
)

// queryIDs runs a query of one bigint column.
func queryIDs(ctx context.Context, q Querier, sql string, args ...any) ([]int64, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}
