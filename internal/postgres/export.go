package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

// exportPage is how many movies are read at once.
const exportPage = 1_000

// Export writes all movies as JSONL, in the order of ids and as of one moment,
// and tells progress how many it has written. Revisions are left out: importing
// an export changes nothing, and exporting again gives the same bytes.
func (c *Catalog) Export(ctx context.Context, out io.Writer, progress func(written int64)) (written int64, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, c.pool, options, func(tx pgx.Tx) error {
		for after := int64(0); ; {
			movies, err := Range(ctx, tx, after, exportPage)
			if err != nil || len(movies) == 0 {
				return err
			}
			if err := encodeLines(out, movies); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			after = movies[len(movies)-1].ID
			written += int64(len(movies))
			progress(written)
		}
	})
	if err != nil {
		return written, fmt.Errorf("export: %w", err)
	}
	return written, nil
}

func encodeLines(out io.Writer, movies []movie.Movie) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i := range movies {
		movies[i].Revision = 0
		if err := e.Encode(&movies[i]); err != nil {
			return err
		}
	}
	return nil
}

// EstimatedSize is roughly how many movies there are, as the statistics of
// Postgres have it; 0 when they know nothing yet.
func (c *Catalog) EstimatedSize(ctx context.Context) (int64, error) {
	var n int64
	err := c.pool.QueryRow(ctx, `SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'movies'::regclass`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("estimate the number of movies: %w", err)
	}
	return n, nil
}
