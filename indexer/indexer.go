// Package indexer carries changes from Kafka into the search indices: consume,
// project, write in bulk, commit.
//
// Its promises:
//   - An index is a consumer group. Every index behind the alias movies-feed is
//     fed by a group of its own, "indexer.INDEX"; indices come and go without a
//     restart, several processes share each group, and the feeds do not wait for
//     each other. An index whose mapping is not understood, or whose group has no
//     offsets, is refused loudly and tried again; it is never read from a guess.
//   - Nothing is lost. An offset is committed only when everything before it was
//     written, deleted, found superseded, or parked in the dead-letter topic.
//     What fails for reasons other than the document is tried again for ever.
//   - Repetition and disorder are harmless: every write carries its version and
//     the engine keeps the highest. So several requests may be under way at once,
//     and whatever was under way when a session ends is simply done again.
//   - What is held in memory and what is sent at once are bounded and follow what
//     the cluster takes (see throttle). A cluster that is down pauses the feed.
//   - A change is sent at once when nothing else is under way, and waits for
//     company only while something is (see gather). It becomes searchable at the
//     index's next refresh, 1 s at most: refresh_interval is set in so many words
//     because the engine skips refreshes of idle indices otherwise, and then the
//     first question after a quiet time would see an old state.
package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

// pollInterval is how soon a change of the feed alias is noticed.
const pollInterval = 500 * time.Millisecond

// Engine is what the indexer needs of the search cluster.
type Engine interface {
	Indices(ctx context.Context, name string) ([]opensearch.Index, error)
	WriteState(ctx context.Context, index string) (opensearch.WriteState, error)
	Release(ctx context.Context, index string) (released bool, err error)
	Bulk(ctx context.Context, index string, b *opensearch.Bulk) []opensearch.Result
	Beat(ctx context.Context, index string, id int64, version movie.Version) error
}

// Log is what the indexer needs of Kafka.
type Log interface {
	Consume(ctx context.Context, group, topic string, log *slog.Logger, handle func(context.Context, *kafka.Session) error) error
	Park(ctx context.Context, letters []kafka.DeadLetter) error
	EndOffsets(ctx context.Context, topic string) (kafka.Offsets, error)
	Lag(ctx context.Context, group, topic string) (map[int]int64, error)
}

// GroupID is the name of the consumer group that feeds an index.
func GroupID(index string) string { return "indexer." + index }

// Indexer feeds every index behind the feed alias.
type Indexer struct {
	engine  Engine
	log     Log
	logger  *slog.Logger
	alias   string
	metrics *metrics

	mu       sync.Mutex
	feeds    map[string]*runningFeed
	problems map[string]string // by index, or "" for the alias itself
}

type runningFeed struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (f *runningFeed) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// New prepares an indexer. prefix is put before the name of the feed alias:
// empty in production. Metrics are registered with r.
func New(engine Engine, log Log, prefix string, r prometheus.Registerer, logger *slog.Logger) *Indexer {
	return &Indexer{
		engine: engine, log: log, logger: logger, alias: prefix + opensearch.FeedAlias,
		metrics: newMetrics(r), feeds: make(map[string]*runningFeed),
		problems: map[string]string{"": "the feed alias has not been read yet"},
	}
}

// Run feeds until the context ends, then stops all feeds and waits for them;
// they stop within a few seconds.
func (x *Indexer) Run(ctx context.Context) {
	defer x.stopAll()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		x.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Healthy is nil when the feed alias has been read and every index behind it is
// being fed; otherwise it says what is wrong.
func (x *Indexer) Healthy(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.problems) == 0 {
		return nil
	}
	return errors.New(x.problems[slices.Min(slices.Collect(maps.Keys(x.problems)))])
}

// poll reads the feed alias and makes the running feeds those of its indices. If
// it cannot be read, the feeds go on: which indices there are is no less true.
func (x *Indexer) poll(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	indices, err := x.engine.Indices(bounded, x.alias)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.report("", fmt.Errorf("cannot read the alias %s: %w", x.alias, err))
		return
	}
	x.report("", nil)
	wanted := make(map[string]bool, len(indices))
	for _, index := range indices {
		wanted[index.Name] = true
		x.start(ctx, index)
	}
	x.stopUnwanted(wanted)
}

// start starts the feed of an index, unless it runs (or is still stopping) or
// cannot.
func (x *Indexer) start(ctx context.Context, index opensearch.Index) {
	if f := x.feeds[index.Name]; f != nil && !f.ended() {
		return
	}
	if !mappings.Understands(index.MappingVersion) {
		x.report(index.Name, fmt.Errorf("index %s has mapping version %d, this release feeds %d to %d: run the release it belongs to, or rebuild it",
			index.Name, index.MappingVersion, mappings.OldestVersion, mappings.Version))
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	running := &runningFeed{cancel: cancel, done: make(chan struct{})}
	x.feeds[index.Name] = running
	f := newFeed(index.Name, x.engine, x.log, x.metrics, x.logger)
	f.floor = index.Facts.Floor
	go func() {
		defer close(running.done)
		defer cancel()
		f.run(ctx, func(err error) { x.report(index.Name, err) })
	}()
}

// stopUnwanted stops the feeds of other indices than these and, without waiting
// for it, forgets those that have stopped.
func (x *Indexer) stopUnwanted(wanted map[string]bool) {
	for name, f := range x.feeds {
		if wanted[name] {
			continue
		}
		f.cancel()
		if f.ended() {
			delete(x.feeds, name)
			x.logger.Info("feed stopped: the index is no longer behind the alias", "index", name, "alias", x.alias)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.DeleteFunc(x.problems, func(name, _ string) bool { return name != "" && !wanted[name] })
	x.metrics.keep(func(name string) bool { return wanted[name] || x.feeds[name] != nil })
}

func (x *Indexer) stopAll() {
	for _, f := range x.feeds {
		f.cancel()
	}
	for _, f := range x.feeds {
		<-f.done
	}
}

// report remembers what is wrong with an index (or with the alias, for ""), or
// that nothing is any more, and logs it when it is new.
func (x *Indexer) report(index string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before, had := x.problems[index]
	switch {
	case err == nil && had:
		delete(x.problems, index)
		x.logger.Info("in order now", "index", index, "was", before)
	case err != nil && before != err.Error():
		x.problems[index] = err.Error()
		x.logger.Error("not feeding", "index", index, "error", err)
	}
	if index != "" {
		x.metrics.refused(index, err != nil)
	}
}
