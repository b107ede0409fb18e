package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// metrics are what an operator sees of the relay.
type metrics struct {
	active    prometheus.Gauge
	epoch     prometheus.Gauge
	repairDue prometheus.Gauge
	backlog   prometheus.Gauge
	commits   prometheus.Counter
	changes   prometheus.Counter
	events    *prometheus.CounterVec
	parked    prometheus.Counter
	batch     prometheus.Histogram
	reading   prometheus.Histogram
	writing   prometheus.Histogram
	latency   prometheus.Histogram

	mu     sync.Mutex
	taken  uint64 // End of the last commit taken in
	done   uint64 // position published
	oldest time.Time
}

func newMetrics(register prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "movies_relay_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "movies_relay_" + name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "movies_relay_" + name, Help: help, Buckets: buckets})
	}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 18) // 1 ms to 131 s
	m := &metrics{
		active:    gauge("active", "1 while this process relays, 0 while it stands by."),
		epoch:     gauge("epoch", "Epoch of the versions given out."),
		repairDue: gauge("repair_due_since_seconds", "Unix time since when a reindex verify --repair is due; 0 for none."),
		backlog:   gauge("backlog_movies", "Movies committed and taken in, not yet read."),
		commits:   counter("commits_total", "Commits taken in."),
		changes:   counter("changes_total", "Movie ids in these commits; those of one movie in one batch become one event."),
		parked:    counter("parked_total", "Events parked because Kafka will never take them."),
		batch:     histogram("batch_movies", "Movies in a batch.", prometheus.ExponentialBuckets(1, 2, 12)),
		reading:   histogram("read_seconds", "Time to read a batch, waiting for visibility included.", seconds),
		writing:   histogram("publish_seconds", "Time until Kafka acknowledged a batch.", seconds),
		latency:   histogram("latency_seconds", "Time from a batch's oldest commit to Kafka's acknowledgement.", seconds),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "movies_relay_events_total", Help: "Events published."},
			[]string{"op"}),
	}
	lag := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "movies_relay_lag_seconds",
		Help: "Age of the oldest commit taken in and not published; 0 when there is none."}, m.lag)
	register.MustRegister(m.active, m.epoch, m.repairDue, m.backlog, m.commits, m.changes, m.parked, m.batch, m.reading,
		m.writing, m.latency, m.events, lag)
	return m
}

func (m *metrics) entered(s kafka.RelayState) {
	m.epoch.Set(float64(s.Epoch))
	m.repair(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken, m.done = 0, 0
}

// repair shows since when a repair is due.
func (m *metrics) repair(s kafka.RelayState) {
	m.repairDue.Set(0)
	if !s.RepairSince.IsZero() {
		m.repairDue.Set(float64(s.RepairSince.Unix()))
	}
}

// took counts a commit that came in.
func (m *metrics) took(c movie.Commit) {
	m.commits.Inc()
	m.changes.Add(float64(len(c.IDs)))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken == m.done {
		m.oldest = c.At
	}
	m.taken = c.End
}

// sent counts a batch that was acknowledged.
func (m *metrics) sent(b readBatch, took time.Duration, parked int) {
	deletes := 0
	for i := range b.events {
		if b.events[i].Op == movie.OpDelete {
			deletes++
		}
	}
	m.events.WithLabelValues(string(movie.OpDelete)).Add(float64(deletes))
	m.events.WithLabelValues(string(movie.OpUpsert)).Add(float64(len(b.events) - deletes))
	m.parked.Add(float64(parked))
	m.batch.Observe(float64(len(b.events)))
	m.writing.Observe(took.Seconds())
	m.latency.Observe(max(0, time.Since(b.oldest).Seconds()))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = max(m.done, b.confirm.lsn)
	m.oldest = b.oldest // what still waits is at least as young, or part of the same large commit
}

func (m *metrics) lag() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken == m.done {
		return 0
	}
	return max(0, time.Since(m.oldest).Seconds())
}

// logChanges says, at debug level, which versions were published.
func (r *Relay) logChanges(ctx context.Context, b readBatch) {
	if !r.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	for i := range b.events {
		e := &b.events[i]
		r.log.DebugContext(ctx, "published", "movie_id", e.ID, "op", string(e.Op), "version", e.Version.String(), "traceparent", e.TraceParent)
	}
}
