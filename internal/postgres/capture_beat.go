package postgres

import (
	"context"
	"fmt"

	"movies/internal/movie"
)

// Beat commits a heartbeat: a change message as the triggers send it, of movies
// that do not exist.
func (c *Capture) Beat(ctx context.Context) error {
	_, err := c.pool.Exec(ctx, `SELECT pg_logical_emit_message(true, $1, pg_current_xact_id()::text || ':' || array_to_string($2::bigint[], ','))`,
		ChangeMessagePrefix, movie.HeartbeatIDs())
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}
