package indexer

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// forgetful is a share of which the first commits fail.
type forgetful struct {
	hand
	failures int
}

func (s *forgetful) Commit(o kafka.Offsets) error {
	if s.failures--; s.failures >= 0 {
		return errors.New("the coordinator is moving")
	}
	return s.hand.Commit(o)
}

// A commit that fails is tried again although no further change comes.
func TestFailedCommitIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		share := &forgetful{hand{batches: make(chan kafka.Batch), committed: make(kafka.Offsets)}, 3}
		f := newFeed("a", &refusing{}, quiet{}, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		ended := make(chan error)
		go func() { ended <- f.serve(ctx, share) }()
		share.give(t, 0, movie.Event{ID: 1, Op: movie.OpDelete, Version: 5})
		time.Sleep(time.Minute) //nolint:forbidigo // by the bubble's clock
		share.mu.Lock()
		if share.committed[0] != 1 {
			t.Errorf("committed up to %d, want 1", share.committed[0])
		}
		share.mu.Unlock()
		stop()
		<-ended
	})
}
