package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

// EditRecord is one line of the audit: who changed a movie, when, and what it was.
type EditRecord struct {
	// Action is create, change or delete.
	Action string
	By     string
	At     time.Time
	// Before is nil of a create, After of a delete.
	Before, After *movie.Movie
}

// Edits returns what editors did to a movie, oldest first, also when it is gone.
func (c *Catalog) Edits(ctx context.Context, movieID int64) ([]EditRecord, error) {
	rows, err := c.pool.Query(ctx, `SELECT action, editor, at, before, after FROM edits WHERE movie_id = $1 ORDER BY id`, movieID)
	if err != nil {
		return nil, c.explain(err)
	}
	records, err := pgx.CollectRows(rows, pgx.RowToStructByPos[EditRecord])
	return records, c.explain(err)
}
