package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

// Boundary gives the id of the n-th movie after an id, so that the movies can be
// read in ranges of n; more is false when fewer than n are left.
func (c *Catalog) Boundary(ctx context.Context, after int64, n int) (id int64, more bool, err error) {
	err = c.pool.QueryRow(ctx, `SELECT id FROM movies WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1`, after, n-1).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("find the end of a range of movies: %w", err)
	}
	return id, true, nil
}

// Between returns the movies with ids above after, up to and including through,
// as of one snapshot and in the order of ids.
func (c *Catalog) Between(ctx context.Context, after, through int64) ([]movie.Movie, error) {
	return queryDocuments(ctx, c.pool, selectDocuments+`WHERE m.id > $1 AND m.id <= $2 ORDER BY m.id`, after, through)
}

// Documents returns the movies with the given ids that exist, as of one snapshot
// and in the order of ids.
func (c *Catalog) Documents(ctx context.Context, ids []int64) ([]movie.Movie, error) {
	return Documents(ctx, c.pool, ids)
}

// Position says which database this is and how far its WAL reaches: no change
// that any snapshot has shown so far was committed behind WALEnd. The server must
// be the primary.
func (c *Catalog) Position(ctx context.Context) (movie.Origin, error) {
	const query = `SELECT system_identifier::text, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int,
		(pg_current_wal_insert_lsn() - '0/0')::bigint FROM pg_control_system()`
	var (
		o   movie.Origin
		end int64
	)
	if err := c.pool.QueryRow(ctx, query).Scan(&o.SystemID, &o.Timeline, &end); err != nil {
		return movie.Origin{}, fmt.Errorf("identify the database: %w", err)
	}
	o.WALEnd = uint64(end)
	return o, nil
}

// Reemit announces the movies as changed, whether they exist or not, in the way
// the triggers do: each gets an event with a new version, a delete if there is no
// such movie. The commit is at or before the next Position's WALEnd.
func (c *Catalog) Reemit(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := c.pool.Exec(ctx, `SELECT emit_changes('', $1)`, ids); err != nil {
		return fmt.Errorf("announce %d movies as changed: %w", len(ids), err)
	}
	return nil
}

// RowVersions tells which version of each movie's row is the present one, for
// those that exist. It changes with every change of the movie or of the rows it
// owns, and a movie that was deleted and made again has another one, too.
func (c *Catalog) RowVersions(ctx context.Context, ids []int64) (map[int64]uint32, error) {
	rows, err := c.pool.Query(ctx, `SELECT id, xmin FROM movies WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read row versions: %w", err)
	}
	versions := make(map[int64]uint32, len(ids))
	var (
		id   int64
		xmin uint32
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &xmin}, func() error {
		versions[id] = xmin
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read row versions: %w", err)
	}
	return versions, nil
}
