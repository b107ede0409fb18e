package indexer

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of all feeds; every one has the label index.
type metrics struct {
	events, items, parked, requests *prometheus.CounterVec
	bulkSeconds, bulkBytes          *prometheus.HistogramVec
	commitToIndexed, heartbeat      *prometheus.HistogramVec
	blocked, groupLag               *prometheus.GaugeVec

	mu    sync.Mutex
	feeds map[string]*feedMetrics
	known map[string]bool // indices that have metrics
}

var (
	lagMessages = prometheus.NewDesc("movies_indexer_lag_messages", "Messages of this process's partitions that are not finished.", []string{"index"}, nil)
	lagBytes    = prometheus.NewDesc("movies_indexer_lag_bytes", "Their bytes, estimated by the mean size of those that were read.", []string{"index"}, nil)
	lagSeconds  = prometheus.NewDesc("movies_indexer_lag_seconds", "Age of the oldest of them, 0 when there is none.", []string{"index"}, nil)
	partitions  = prometheus.NewDesc("movies_indexer_partitions", "Partitions that this process feeds the index from.", []string{"index"}, nil)
	window      = prometheus.NewDesc("movies_indexer_window_bytes", "Bytes that may be under way to the cluster at once.", []string{"index"}, nil)
	inFlight    = prometheus.NewDesc("movies_indexer_requests_in_flight", "Bulk requests that are being answered.", []string{"index"}, nil)
)

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"index"}, labels...))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"index"})
	}
	m := &metrics{
		events:          counter("movies_indexer_events_total", "Messages read and decoded or found undecodable."),
		items:           counter("movies_indexer_items_total", "Items of bulk requests by outcome; retry counts every attempt. coalesced were not sent.", "outcome"),
		parked:          counter("movies_indexer_dead_letters_total", "Messages parked in the dead-letter topic."),
		requests:        counter("movies_indexer_bulk_requests_total", "Bulk requests by whether all items were finished.", "finished"),
		bulkSeconds:     histogram("movies_indexer_bulk_seconds", "Time to the answer of a bulk request.", prometheus.ExponentialBuckets(0.002, 2, 14)),
		bulkBytes:       histogram("movies_indexer_bulk_bytes", "Size of bulk requests.", prometheus.ExponentialBuckets(1<<10, 4, 7)),
		commitToIndexed: histogram("movies_indexer_commit_to_indexed_seconds", "From the commit in Postgres to the acknowledged write; searchable at the next refresh.", prometheus.ExponentialBuckets(0.01, 2, 14)),
		heartbeat:       histogram("movies_indexer_heartbeat_seconds", "From a heartbeat's commit in Postgres until a search shows it: the whole way, refresh included.", prometheus.ExponentialBuckets(0.05, 1.5, 18)),
		blocked:         prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "movies_indexer_feed_blocked", Help: "1 while an index behind the feed alias cannot be fed."}, []string{"index"}),
		groupLag:        prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "movies_indexer_group_lag_messages", Help: "Messages that the index's whole group has not finished, read by somebody or not; every process tells the same."}, []string{"index"}),
		feeds:           make(map[string]*feedMetrics),
		known:           make(map[string]bool),
	}
	r.MustRegister(m.events, m.items, m.parked, m.requests, m.bulkSeconds, m.bulkBytes, m.commitToIndexed, m.heartbeat, m.blocked, m.groupLag, m)
	return m
}

// Describe implements prometheus.Collector for what is computed when asked.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagMessages, lagBytes, lagSeconds, partitions, window, inFlight} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, index string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, index)
	}
	for index, f := range m.feeds {
		behind, share := f.session(time.Now())
		gauge(partitions, float64(share), index)
		gauge(lagMessages, float64(behind.messages), index)
		gauge(lagBytes, float64(behind.bytes), index)
		gauge(lagSeconds, behind.age.Seconds(), index)
		bytes, sending := f.throttle.state()
		gauge(window, float64(bytes), index)
		gauge(inFlight, float64(sending), index)
	}
}

// feed gives the metrics of one index, watching its throttle.
func (m *metrics) feed(index string, t *throttle) *feedMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	labels := prometheus.Labels{"index": index}
	f := &feedMetrics{
		throttle: t, events: m.events.With(labels), dead: m.parked.With(labels),
		items: m.items.MustCurryWith(labels), requests: m.requests.MustCurryWith(labels),
		group: m.groupLag.With(labels), bulkSeconds: m.bulkSeconds.With(labels), bulkBytes: m.bulkBytes.With(labels), commitToIndexed: m.commitToIndexed.With(labels), heartbeat: m.heartbeat.With(labels),
	}
	m.feeds[index], m.known[index] = f, true
	return f
}

// keep removes the metrics of all other indices.
func (m *metrics) keep(keep func(index string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for index := range m.known {
		if !keep(index) {
			m.forget(index)
		}
	}
}

func (m *metrics) forget(index string) {
	delete(m.feeds, index)
	delete(m.known, index)
	labels := prometheus.Labels{"index": index}
	for _, v := range []*prometheus.CounterVec{m.events, m.items, m.parked, m.requests} {
		v.DeletePartialMatch(labels)
	}
	for _, v := range []*prometheus.HistogramVec{m.bulkSeconds, m.bulkBytes, m.commitToIndexed, m.heartbeat} {
		v.DeletePartialMatch(labels)
	}
	m.blocked.DeletePartialMatch(labels)
	m.groupLag.DeletePartialMatch(labels)
}

func (m *metrics) refused(index string, refused bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[index] = true
	v := 0.0
	if refused {
		v = 1
	}
	m.blocked.WithLabelValues(index).Set(v)
}

// feedMetrics are those of one index.
type feedMetrics struct {
	throttle               *throttle
	events, dead           prometheus.Counter
	items, requests        *prometheus.CounterVec
	bulkSeconds, bulkBytes prometheus.Observer
	commitToIndexed        prometheus.Observer
	heartbeat              prometheus.Observer
	group                  prometheus.Gauge

	mu       sync.Mutex
	progress *progress // nil between sessions
	share    int       // partitions
}

func (f *feedMetrics) begin(p *progress, share int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress, f.share = p, share
}

func (f *feedMetrics) end() { f.begin(nil, 0) }

// session is what is measured of the present session.
func (f *feedMetrics) session(now time.Time) (behind lag, share int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.progress == nil {
		return lag{}, 0
	}
	return f.progress.lag(now), f.share
}

// groupLag is told how far the group is behind in each partition.
func (f *feedMetrics) groupLag(lag map[int]int64) {
	total := int64(0)
	for _, n := range lag {
		total += n
	}
	f.group.Set(float64(total))
}

func (f *feedMetrics) consumed(messages, coalesced int) {
	f.events.Add(float64(messages))
	f.items.WithLabelValues("coalesced").Add(float64(coalesced))
}

func (f *feedMetrics) sent(took time.Duration, bytes int, counts outcomes) {
	f.bulkSeconds.Observe(took.Seconds())
	f.bulkBytes.Observe(float64(bytes))
	finished := "all"
	for o, n := range counts {
		f.items.WithLabelValues(o.String()).Add(float64(n))
		if !final(o) {
			finished = "some"
		}
	}
	f.requests.WithLabelValues(finished).Inc()
}

func (f *feedMetrics) indexed(sinceCommit time.Duration) {
	f.commitToIndexed.Observe(sinceCommit.Seconds())
}

func (f *feedMetrics) parked(letters int) { f.dead.Add(float64(letters)) }
