package guard

import (
	"errors"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
)

// kind is a kind of question. It is let through as long as no more than a share
// of the limit is taken, so that what costs the tier most is refused first.
type kind struct {
	name  string
	share float64
}

// The kinds. Costly are facets, likeness, highlighting and pages behind the first.
var (
	kindCostly  = kind{"costly", 0.6}
	kindSearch  = kind{"search", 0.8}
	kindSuggest = kind{"suggest", 0.9}
	kindLookup  = kind{"lookup", 1}
)

// What becomes of a question.
const (
	answered    = "answered"
	failed      = "failed"
	timedOut    = "timed_out"
	canceled    = "canceled"
	shed        = "shed"
	circuitOpen = "circuit_open"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func (g *Guard) register(r prometheus.Registerer) error {
	g.metrics = metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "movies_search_tier_requests_total",
			Help: "Questions that no cache answered, by kind and what became of them: shed and circuit_open did not reach the search tier.",
		}, []string{"kind", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "movies_search_tier_seconds", Help: "Time of the search tier to answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
		}, []string{"kind"}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return errors.Join(
		r.Register(g.metrics.requests),
		r.Register(g.metrics.seconds),
		r.Register(gauge("movies_search_tier_limit", "Questions that may be under way at once, as the tier's time to answer allows.",
			func() float64 { return float64(g.limiter.Limit()) })),
		r.Register(gauge("movies_search_tier_in_flight", "Questions under way.",
			func() float64 { return float64(g.limiter.Inflight()) })),
		r.Register(gauge("movies_search_tier_circuit", "0 while the tier is asked, 1 while it is left alone after failures, 0.5 while it is tried.", g.circuitState)),
	)
}

func (g *Guard) circuitState() float64 {
	switch g.circuit.State() {
	case circuitbreaker.OpenState:
		return 1
	case circuitbreaker.HalfOpenState:
		return 0.5
	}
	return 0
}
