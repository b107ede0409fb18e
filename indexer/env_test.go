package indexer_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/indexer"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/mappings"
	"movies/search/opensearch"
)

// patience is how long a test waits for what must happen; most waits end at once.
const patience = 30 * time.Second

// env is a test's own topics, indices and aliases on the real servers.
type env struct {
	t                  testing.TB
	brokers, searchURL string
	topicPrefix        string
	indexPrefix        string
	kafka              *kafka.Client
	engine             *opensearch.Client
}

func newEnv(t testing.TB, partitions int) *env {
	t.Helper()
	e := &env{t: t}
	e.brokers, e.topicPrefix = stacktest.Kafka(t)
	e.searchURL, e.indexPrefix = stacktest.OpenSearch(t)
	e.kafka = e.newKafka("test")
	e.engine = e.newEngine(e.searchURL)
	settings := kafka.TopicSettings{Partitions: partitions, ReplicationFactor: 1, MinInSyncReplicas: 1}
	if _, err := e.kafka.EnsureTopics(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.kafka.DeleteTopics(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *env) newKafka(name string) *kafka.Client {
	e.t.Helper()
	c, err := kafka.NewClient(config.Kafka{Brokers: []string{e.brokers}, TopicPrefix: e.topicPrefix}, name)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(c.Close)
	return c
}

func (e *env) newEngine(url string) *opensearch.Client {
	e.t.Helper()
	c, err := opensearch.New(config.Search{URLs: []string{url}})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(c.Close)
	return c
}

// create makes an index of today's mapping and returns its name.
func (e *env) create(name string) string {
	e.t.Helper()
	body, err := mappings.Index(mappings.Options{Shards: 1})
	if err != nil {
		e.t.Fatal(err)
	}
	return e.createFrom(name, body)
}

func (e *env) createFrom(name string, body []byte) string {
	e.t.Helper()
	name = e.indexPrefix + name
	facts := opensearch.Facts{CreatedAt: time.Now(), CreatedBy: e.t.Name(), Epoch: 1}
	if err := e.engine.CreateIndex(e.t.Context(), name, body, facts); err != nil {
		e.t.Fatal(err)
	}
	return name
}

// feedFromNow puts an index behind the feed alias, to be fed from the topic's end.
func (e *env) feedFromNow(index string) string {
	e.t.Helper()
	ends, err := e.kafka.EndOffsets(e.t.Context(), kafka.TopicChanges)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.kafka.SetGroupOffsets(e.t.Context(), indexer.GroupID(index), kafka.TopicChanges, ends); err != nil {
		e.t.Fatal(err)
	}
	e.alias(index, false)
	return index
}

func (e *env) alias(index string, remove bool) {
	e.t.Helper()
	action := opensearch.AliasAction{Alias: e.indexPrefix + opensearch.FeedAlias, Index: index, Remove: remove}
	if err := e.engine.UpdateAliases(e.t.Context(), action); err != nil {
		e.t.Fatal(err)
	}
}

// process is a running indexer.
type process struct {
	*indexer.Indexer
	registry *prometheus.Registry
	stop     func()
}

// start runs an indexer against a search cluster until stop or the test's end.
func (e *env) start(searchURL string) *process {
	e.t.Helper()
	registry := prometheus.NewRegistry()
	logger := slog.New(slog.NewTextHandler(e.t.Output(), nil))
	if !testing.Verbose() {
		logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	x := indexer.New(e.newEngine(searchURL), e.newKafka("indexer"), e.indexPrefix, registry, logger)
	ctx, cancel := context.WithCancel(e.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Run(ctx)
	}()
	p := &process{Indexer: x, registry: registry, stop: func() { cancel(); <-done }}
	e.t.Cleanup(p.stop)
	return p
}

// metric is the sum of a counter's or gauge's values with the given label values.
func (p *process) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func (e *env) publish(events ...movie.Event) {
	e.t.Helper()
	parked, err := e.kafka.PublishEvents(e.t.Context(), time.Now(), events)
	if err != nil || len(parked) > 0 {
		e.t.Fatalf("publish: %v, parked %v", err, parked)
	}
}

func upsert(id int64, version movie.Version, title string) movie.Event {
	return movie.Event{ID: id, Op: movie.OpUpsert, Version: version, CommittedAt: time.Now(),
		Movie: &movie.Movie{ID: id, Title: title, Year: 1999, Genres: []string{"Drama"}}}
}

func deletion(id int64, version movie.Version) movie.Event {
	return movie.Event{ID: id, Op: movie.OpDelete, Version: version, CommittedAt: time.Now()}
}

// title is the title of the indexed movie, "" when it is not there.
func (e *env) title(index string, id int64) string {
	e.t.Helper()
	item, _ := e.item(index, id)
	return item
}

func (e *env) item(index string, id int64) (title string, version movie.Version) {
	e.t.Helper()
	s := opensearch.NewSearcher(e.engine, index, patience)
	items, err := s.Lookup(e.t.Context(), lookup(id))
	if err != nil {
		e.t.Fatal(err)
	}
	if len(items) == 0 {
		return "", 0
	}
	return items[0].Movie.Title, items[0].Version
}

// finished waits until the group of the index has committed everything.
func (e *env) finished(index string) {
	e.t.Helper()
	e.eventually("the group of "+index+" has no lag", func() error {
		lag, err := e.kafka.Lag(e.t.Context(), indexer.GroupID(index), kafka.TopicChanges)
		for p, n := range lag {
			if err == nil && n != 0 {
				err = fmt.Errorf("partition %d lags by %d", p, n)
			}
		}
		return err
	})
}

// eventually waits until the condition is nil.
func (e *env) eventually(what string, condition func() error) {
	e.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func is(got, want any) error {
	if got != want {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}
