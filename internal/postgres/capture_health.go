package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

const selectHealth = `
SELECT coalesce(wal_status, 'missing'),
	coalesce(pg_current_wal_lsn() - confirmed_flush_lsn, 0)::bigint,
	coalesce(pg_current_wal_lsn() - restart_lsn, 0)::bigint,
	safe_wal_size
FROM pg_replication_slots WHERE slot_name = $1`

// Health tells how much WAL is kept for the slot. A standby can ask, too.
func (c *Capture) Health(ctx context.Context) (movie.CaptureHealth, error) {
	var (
		h    movie.CaptureHealth
		safe *int64
	)
	err := c.pool.QueryRow(ctx, selectHealth, c.slot).Scan(&h.Status, &h.LagBytes, &h.RetainedBytes, &safe)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return movie.CaptureHealth{Status: "missing"}, nil
	case err != nil:
		return h, fmt.Errorf("replication slot %s: %w", c.slot, err)
	}
	h.SafeBytes = math.MaxInt64
	if safe != nil {
		h.SafeBytes = *safe
	}
	return h, nil
}
