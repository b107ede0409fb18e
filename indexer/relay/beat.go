package relay

import (
	"context"
	"log/slog"
	"time"
)

// beatEvery is the time between two heartbeats.
const beatEvery = 10 * time.Second

// Beat commits heartbeats until the context ends, in standbys too: the way from a
// commit to a search is measured also while nothing is changed and while no relay
// is active. See movie.HeartbeatIDs.
func Beat(ctx context.Context, commit func(context.Context) error, log *slog.Logger) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, beatEvery)
		if err := commit(bounded); err != nil && ctx.Err() == nil {
			log.DebugContext(ctx, "no heartbeat was committed", "error", err)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
