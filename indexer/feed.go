package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// refusedDelay is how long a feed that cannot go on waits before it looks again
// whether it can.
const refusedDelay = 5 * time.Second

// errIndexGone ends a feed: its index has been deleted.
var errIndexGone = errors.New("the index no longer exists")

// feed carries the changes of one topic into one index.
type feed struct {
	index    string
	engine   Engine
	log      Log
	metrics  *feedMetrics
	logger   *slog.Logger
	throttle *throttle
	deletes  *deletes
	floor    movie.Version // the index has everything up to it from elsewhere

	mu   sync.Mutex
	told map[opensearch.Outcome]time.Time // when an outcome was last logged
}

func newFeed(index string, engine Engine, log Log, m *metrics, logger *slog.Logger) *feed {
	t := newThrottle()
	return &feed{index: index, engine: engine, log: log, metrics: m.feed(index, t), logger: logger.With("index", index), throttle: t,
		deletes: newDeletes(), told: make(map[opensearch.Outcome]time.Time)}
}

// run feeds until the context ends or the index is gone. What keeps it from
// feeding is reported, and nil when it feeds again.
func (f *feed) run(ctx context.Context, report func(error)) {
	f.logger.Info("feed started", "group", GroupID(f.index))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go f.watchLag(ctx)
	for {
		err := f.log.Consume(ctx, GroupID(f.index), kafka.TopicChanges, f.logger, func(ctx context.Context, s *kafka.Session) error {
			report(nil)
			return f.serve(ctx, s)
		})
		switch {
		case ctx.Err() != nil || err == nil:
			return
		case errors.Is(err, errIndexGone):
			f.logger.Warn("feed ended: the index no longer exists")
			return
		case errors.Is(err, kafka.ErrNoOffsets):
			err = fmt.Errorf("index %s must be rebuilt (reindex run): %w", f.index, err)
		}
		report(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(refusedDelay):
		}
	}
}

// watchLag keeps the lag of the whole group true: also of partitions that no
// member reads, and while this process cannot take part.
func (f *feed) watchLag(ctx context.Context) {
	for {
		if lag, err := f.log.Lag(ctx, GroupID(f.index), kafka.TopicChanges); err == nil {
			f.metrics.groupLag(lag)
		}
		if sleep(ctx, lagInterval) != nil {
			return
		}
	}
}

// lagInterval is how often Kafka is asked how far a group is behind.
const lagInterval = 5 * time.Second

// holdLimit is how long an index may be held. Nobody holds one for longer than a
// second or two, unless dead.
const holdLimit = 10 * time.Second

// awaitWritable waits while the index exists and takes no writes because somebody
// holds the feed by having taken away the index's write alias. Asking is cheap
// next to sending again what will be refused. A hold expires: its process may
// have been killed. held tells whether it had to wait.
func (f *feed) awaitWritable(ctx context.Context) (held bool, err error) {
	const interval = 50 * time.Millisecond
	for expires := time.Now().Add(holdLimit); ; {
		state, err := f.engine.WriteState(ctx, f.index)
		switch {
		case err != nil: // asked again
		case state == opensearch.Gone:
			return held, errIndexGone
		case state == opensearch.Writable:
			return held, nil
		case !held:
			held = true
			f.logger.Warn("the index takes no writes: the feed holds", "alias", opensearch.WriteAlias(f.index))
		case time.Now().After(expires):
			expires = time.Now().Add(holdLimit)
			if released, err := f.engine.Release(ctx, f.index); err == nil && released {
				f.logger.Warn("the hold has expired: whoever held the feed has died; the feed goes on", "after", holdLimit.String())
			}
		}
		if err := sleep(ctx, interval); err != nil {
			return held, err
		}
	}
}
