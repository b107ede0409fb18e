// Package guard stands before the search tier: a Searcher that decorates a
// Searcher and lets through what the tier can take.
//
// It belongs below the caches, so that an answer that is there takes no slot. Its
// promises: load past capacity is refused at once, never queued; how much that is
// follows the tier's own time to answer (the adaptive limiter of failsafe-go, a
// gradient as in Netflix's concurrency-limits), up to a bound; when there is not
// room for all, costly questions are refused first and lookups last; a tier that
// fails is left alone for a second at a time, is then tried with a few requests,
// and comes back to a small limit that grows, not to everybody at once. A refusal
// is search.ErrShed.
package guard

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/movie"
	"movies/search"
)

// Options of a guard.
type Options struct {
	// MaxConcurrent bounds the limit of questions under way, from above; 0 means
	// DefaultMaxConcurrent.
	MaxConcurrent uint
	// Metrics to register with; required.
	Metrics prometheus.Registerer
}

// DefaultMaxConcurrent is more than a cluster of ours works on at once; what it
// cannot is found by its time to answer.
const DefaultMaxConcurrent = 256

// The limit never falls below fewest, which keeps the tier measured and served;
// it begins with first, also after an outage.
const (
	fewest = 4
	first  = 8
)

// The circuit opens when half of at least circuitSample questions within
// circuitWindow failed, and is tried again after circuitPause, with a jitter that
// keeps replicas apart, by circuitTrials questions.
const (
	circuitSample = 20
	circuitWindow = 5 * time.Second
	circuitPause  = time.Second
	circuitTrials = 3
)

// Guard is a Searcher. It is safe for concurrent use.
type Guard struct {
	next    search.Searcher
	limiter adaptivelimiter.AdaptiveLimiter[any]
	circuit circuitbreaker.CircuitBreaker[any]
	metrics metrics
}

var _ search.Searcher = (*Guard)(nil)

// New stands before next.
func New(next search.Searcher, o Options) (*Guard, error) {
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	g := &Guard{next: next}
	g.limiter = adaptivelimiter.NewBuilder[any]().
		WithLimits(min(fewest, o.MaxConcurrent), o.MaxConcurrent, min(first, o.MaxConcurrent)).
		WithRecentWindow(time.Second, 10*time.Second, 20).
		WithMaxLimitStabilizationWindow(time.Minute).
		Build()
	g.circuit = circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(0.5, circuitSample, circuitWindow).
		WithDelay(circuitPause).WithJitterFactor(0.25).
		WithSuccessThreshold(circuitTrials).
		OnClose(func(circuitbreaker.StateChangedEvent) { g.limiter.Reset() }).
		Build()
	return g, g.register(o.Metrics)
}

// Search implements search.Searcher.
func (g *Guard) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	kind := kindSearch
	if len(r.Facets) > 0 || r.SimilarTo != 0 || r.Highlight || r.Cursor != "" {
		kind = kindCostly
	}
	return through(g, kind, func() (*search.Result, error) { return g.next.Search(ctx, r) })
}

// Lookup implements search.Searcher.
func (g *Guard) Lookup(ctx context.Context, l search.Lookup) ([]search.Item, error) {
	return through(g, kindLookup, func() ([]search.Item, error) { return g.next.Lookup(ctx, l) })
}

// Suggest implements search.Searcher.
func (g *Guard) Suggest(ctx context.Context, s search.SuggestRequest) (*search.Suggestions, error) {
	return through(g, kindSuggest, func() (*search.Suggestions, error) { return g.next.Suggest(ctx, s) })
}

// through asks, if there is room, and learns from how it went.
func through[T any](g *Guard, kind kind, ask func() (T, error)) (answer T, err error) {
	permit, refused := g.enter(kind)
	if refused != "" {
		g.metrics.requests.WithLabelValues(kind.name, refused).Inc()
		return answer, search.ErrShed
	}
	begin, outcome := time.Now(), canceled
	defer func() { g.leave(permit, outcome) }() // also after a panic, which says nothing about the tier
	answer, err = ask()
	outcome = outcomeOf(err)
	g.metrics.requests.WithLabelValues(kind.name, outcome).Inc()
	if outcome == answered {
		g.metrics.seconds.WithLabelValues(kind.name).Observe(time.Since(begin).Seconds())
	}
	return answer, err
}

// enter takes a slot, or says why not.
func (g *Guard) enter(kind kind) (permit adaptivelimiter.Permit, refused string) {
	limit := g.limiter.Limit()
	if g.limiter.Inflight() >= max(1, int(kind.share*float64(limit))) {
		return nil, shed
	}
	if !g.circuit.TryAcquirePermit() {
		return nil, circuitOpen
	}
	permit, ok := g.limiter.TryAcquirePermit()
	if !ok {
		g.forgo()
		return nil, shed
	}
	return permit, ""
}

// leave tells limiter and circuit how it went. A failure tells the limiter
// nothing about the time that answers take, unless it was that time.
func (g *Guard) leave(permit adaptivelimiter.Permit, outcome string) {
	switch outcome {
	case answered:
		permit.Record()
		g.circuit.RecordSuccess()
	case timedOut:
		permit.Record()
		g.circuit.RecordFailure()
	case failed:
		permit.Drop()
		g.circuit.RecordFailure()
	default:
		permit.Drop()
		g.forgo()
	}
}

// forgo gives a trial of a half-open circuit back. It can only be given back as a
// result: nobody has seen the tier answer, so the circuit stays open.
func (g *Guard) forgo() {
	if g.circuit.IsHalfOpen() {
		g.circuit.RecordFailure()
	}
}

// outcomeOf tells a failure of the tier from an answer that happens to be an
// error, such as an invalid cursor, and from a caller who left.
func outcomeOf(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return canceled
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut
	case errors.Is(err, movie.ErrUnavailable):
		return failed
	}
	return answered
}
