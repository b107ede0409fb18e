// Package cache answers most questions without the search tier: it is a Searcher
// that decorates one.
//
// Answers are kept in the process, as they are, and in Redis, where replicas share
// them. Both may be lost at any moment; nothing but time is lost with them. Its
// promises:
//
//   - An answer is never older than its bound, counted over all layers from when
//     its question went to the search tier: 10 s for a search or suggestions, 1 s
//     for a movie and for an answer that is empty or gave something up. A movie is
//     kept longer while the change stream, followed by Changes, vouches for it;
//     then it is as old as the stream's last word, at most 1 s. Clocks of replicas
//     are taken to agree.
//   - From a fifth of the bound on (a half, where it is 1 s), the next question
//     renews the answer in the background while the kept one is given out.
//   - While the search tier fails, answers up to StaleIfError old are given out
//     and reported as stale, except movies that are known to have changed.
//   - A question that many ask at once goes to the search tier once, from all
//     replicas too as long as Redis can be reached.
//   - Errors are not kept; neither is anything about a person's own list.
//   - Redis away, slow or empty is no error and costs at most its short deadline,
//     and after a few failures nothing (see Redis).
//
// Results are shared between callers, who must not change them.
package cache

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"movies/search"
)

// Options are what a Cache is made of. Origin and Metrics are required.
type Options struct {
	// Origin answers what is not kept.
	Origin search.Searcher
	// Bytes bounds what is kept in the process, roughly; 0 means DefaultBytes.
	Bytes uint64
	// Timeout bounds a question to the origin; 0 means DefaultTimeout.
	Timeout time.Duration
	// Redis is shared with other replicas; nil keeps answers in the process alone.
	Redis *Redis
	// Changes tells of changed movies; nil keeps movies for one second only.
	Changes *Changes
	Metrics prometheus.Registerer
}

// Defaults and bounds.
const (
	DefaultBytes   = 128 << 20
	DefaultTimeout = 3 * time.Second
	// StaleIfError is how old an answer may be that stands in for one that the
	// search tier cannot give.
	StaleIfError = 10 * time.Minute
	// mostRefreshes is how many answers are renewed in the background at once;
	// above it they are renewed by later questions.
	mostRefreshes = 32
)

// Cache implements search.Searcher and is safe for concurrent use.
type Cache struct {
	origin    search.Searcher
	timeout   time.Duration
	local     *otter.Cache[string, *entry]
	redis     *Redis
	changes   *Changes
	flights   singleflight.Group
	refreshes chan struct{}
	metrics   *metrics
}

var _ search.Searcher = (*Cache)(nil)

// New makes a cache; it starts nothing.
func New(o Options) (*Cache, error) {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Changes == nil {
		o.Changes = NewChanges(0)
	}
	local, err := otter.New(&otter.Options[string, *entry]{
		MaximumWeight: o.Bytes,
		Weigher:       func(key string, e *entry) uint32 { return uint32(len(key)) + e.weight() },
	})
	if err != nil {
		return nil, err
	}
	c := &Cache{origin: o.Origin, timeout: o.Timeout, local: local, redis: o.Redis, changes: o.Changes,
		refreshes: make(chan struct{}, mostRefreshes)}
	c.metrics, err = newMetrics(c, o.Metrics)
	return c, err
}

// Search implements search.Searcher.
func (c *Cache) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	r = r.Normalize()
	if r.Only != nil || r.Validate() != nil || search.ArePastCaches(ctx) {
		c.metrics.asked(kindSearch, byPassing)
		return c.origin.Search(ctx, r)
	}
	answer, err := c.get(ctx, question{kind: kindSearch, key: "s " + r.Key(), ask: func(ctx context.Context) (any, error) {
		return c.origin.Search(ctx, r)
	}})
	if err != nil {
		return nil, err
	}
	return answer.(*search.Result), nil
}

// Suggest implements search.Searcher.
func (c *Cache) Suggest(ctx context.Context, s search.SuggestRequest) (*search.Suggestions, error) {
	s = s.Normalize()
	if s.Validate() != nil || search.ArePastCaches(ctx) {
		c.metrics.asked(kindSuggest, byPassing)
		return c.origin.Suggest(ctx, s)
	}
	answer, err := c.get(ctx, question{kind: kindSuggest, key: "c " + s.Key(), ask: func(ctx context.Context) (any, error) {
		return c.origin.Suggest(ctx, s)
	}})
	if err != nil {
		return nil, err
	}
	return answer.(*search.Suggestions), nil
}
