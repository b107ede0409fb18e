package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// resume skips what earlier runs have imported of this source.
func (im *importer) resume(ctx context.Context) error {
	if im.info.Fingerprint == nil {
		return nil
	}
	if im.options.Again {
		_, err := im.conn.Exec(ctx, `DELETE FROM import_progress WHERE fingerprint = $1`, im.info.Fingerprint)
		return err
	}
	var offset int64
	var finished *time.Time
	t := &im.totals
	err := im.conn.QueryRow(ctx, `
		SELECT bytes, lines, created, updated, unchanged, rejected, finished_at FROM import_progress WHERE fingerprint = $1`,
		im.info.Fingerprint).Scan(&offset, &t.Lines, &t.Created, &t.Updated, &t.Unchanged, &t.Rejected, &finished)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("import progress of %s: %w", im.info.Name, err)
	case finished != nil:
		return fmt.Errorf("%s: %w at %s", im.info.Name, ErrAlreadyImported, finished.Local().Format(time.DateTime))
	}
	return im.source.Skip(Position{t.Lines, offset})
}

// recordProgress adds what a transaction has done; last says that the chunk's
// end is reached with it.
func (im *importer) recordProgress(ctx context.Context, tx pgx.Tx, c *chunk, done ImportTotals, last bool) error {
	if im.info.Fingerprint == nil {
		return nil
	}
	lines, offset, finished := int64(0), int64(0), false
	if last {
		lines, offset, finished = c.end.Lines, c.end.Offset, c.last
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO import_progress AS p (fingerprint, file, bytes, lines, created, updated, unchanged, rejected, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $9 THEN now() END)
		ON CONFLICT (fingerprint) DO UPDATE SET
			bytes = greatest(p.bytes, EXCLUDED.bytes), lines = greatest(p.lines, EXCLUDED.lines),
			created = p.created + EXCLUDED.created, updated = p.updated + EXCLUDED.updated,
			unchanged = p.unchanged + EXCLUDED.unchanged, rejected = p.rejected + EXCLUDED.rejected,
			updated_at = now(), finished_at = EXCLUDED.finished_at`,
		im.info.Fingerprint, im.info.Name, offset, lines, done.Created, done.Updated, done.Unchanged, done.Rejected, finished)
	if err != nil {
		return fmt.Errorf("record progress: %w", err)
	}
	return nil
}
