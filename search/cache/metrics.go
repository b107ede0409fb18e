package cache

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Who gave an answer.
const (
	byProcess = "process"    // kept here
	byRedis   = "redis"      // kept in Redis
	byReplica = "replica"    // another replica was asking, and it came by Redis
	byOthers  = "flight"     // somebody here was asking already
	byOrigin  = "origin"     // the search tier, for this question
	byStale   = "stale"      // kept too long, but the search tier failed
	byPassing = "uncachable" // the search tier; not to be kept
	byNothing = "error"
)

type metrics struct {
	questions *prometheus.CounterVec
	origin    *prometheus.CounterVec
}

// newMetrics registers what a cache tells.
func newMetrics(c *Cache, r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "movies_cache_questions_total",
			Help: "Questions by kind and by what answered: process, redis, replica, flight, origin, stale, uncachable, error.",
		}, []string{"question", "by"}),
		origin: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "movies_cache_origin_questions_total",
			Help: "Questions that were put to the search tier, to renew answers included.",
		}, []string{"question"}),
	}
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "movies_cache_bytes", Help: "Bytes of answers kept in the process, roughly.",
	}, func() float64 { return float64(c.local.WeightedSize()) })
	silence := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "movies_cache_stream_silence_seconds",
		Help: "Age of the change stream's last word; movies are kept longer than a second only while it is below 1. -1 while it is not followed.",
	}, func() float64 {
		if asOf := c.changes.AsOf(); !asOf.IsZero() {
			return time.Since(asOf).Seconds()
		}
		return -1
	})
	all := append([]prometheus.Collector{m.questions, m.origin, size, silence}, c.redis.collectors()...)
	for _, collector := range all {
		if err := r.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) asked(kind, by string) { m.questions.WithLabelValues(kind, by).Inc() }
