package indexer

import (
	"context"
	"slices"
	"time"

	"movies/internal/movie"
)

// beat takes the heartbeats out of the changes and, without holding up anything,
// measures how long after its commit a search shows the oldest. Nothing is lost
// with a heartbeat that fails: the next one comes in seconds, and that none
// arrives is what an alert is for.
func (x *session) beat(ctx context.Context, changes []change) (rest []change) {
	oldest := -1
	for i := range changes {
		if movie.IsHeartbeat(changes[i].event.ID) && (oldest < 0 || changes[i].event.CommittedAt.Before(changes[oldest].event.CommittedAt)) {
			oldest = i
		}
	}
	if oldest < 0 {
		return changes
	}
	e := changes[oldest].event
	go func() {
		ctx, cancel := context.WithTimeout(ctx, bulkTimeout)
		defer cancel()
		if x.engine.Beat(ctx, x.index, e.ID, e.Version) == nil {
			x.metrics.heartbeat.Observe(time.Since(e.CommittedAt).Seconds())
		}
	}()
	return slices.DeleteFunc(changes, func(c change) bool { return movie.IsHeartbeat(c.event.ID) })
}
