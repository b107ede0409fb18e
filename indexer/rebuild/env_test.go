package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"movies/indexer"
	"movies/indexer/relay"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
	"movies/search/opensearch"
)

// patience is how long a test waits for what must happen; most waits end at once.
const patience = time.Minute

// shortLease lets tests take over from the dead without waiting long.
const shortLease = 2 * time.Second

// testChunk lets tests have many chunks of few movies.
const testChunk = 50

// address is where a test's own piece of the servers is; a child process gets it
// by its environment.
type address struct{ database, brokers, topics, search, indices string }

// env is the whole path from Postgres to search, for one test.
type env struct {
	testing.TB
	address
	sql     *pgxpool.Pool
	catalog *postgres.Catalog
	capture *postgres.Capture
	kafka   *kafka.Client
	engine  *opensearch.Client

	stopRelay    func()
	relayMetrics *prometheus.Registry
}

// newEnv makes a database, topics and a prefix for indices, and runs a relay and
// an indexer between them.
func newEnv(t testing.TB) *env {
	t.Helper()
	var a address
	a.database = stacktest.PostgresMigrated(t, "catalog", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url)
		return err
	})
	a.brokers, a.topics = stacktest.Kafka(t)
	a.search, a.indices = stacktest.OpenSearch(t)
	e := connect(t, a)
	if _, err := e.kafka.EnsureTopics(t.Context(), kafka.TopicSettings{Partitions: 3, ReplicationFactor: 1, MinInSyncReplicas: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.kafka.DeleteTopics(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	e.stopRelay = e.startRelay()
	e.startIndexer()
	return e
}

func connect(t testing.TB, a address) *env {
	t.Helper()
	e := &env{TB: t, address: a}
	var err error
	e.sql, err = pgxpool.New(t.Context(), a.database)
	e.check(err)
	t.Cleanup(e.sql.Close)
	e.catalog, err = postgres.Open(t.Context(), a.database)
	e.check(err)
	t.Cleanup(e.catalog.Close)
	e.capture, err = postgres.NewCapture(a.database, e.slot(), e.logger())
	e.check(err)
	t.Cleanup(e.capture.Close)
	e.kafka, err = kafka.NewClient(config.Kafka{Brokers: []string{a.brokers}, TopicPrefix: a.topics}, "test")
	e.check(err)
	t.Cleanup(e.kafka.Close)
	e.engine, err = opensearch.New(config.Search{URLs: []string{a.search}})
	e.check(err)
	t.Cleanup(e.engine.Close)
	return e
}

func (e *env) check(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// slot is named after the database, for slots are shared by the server.
func (e *env) slot() string {
	u, err := url.Parse(e.database)
	e.check(err)
	return strings.TrimPrefix(u.Path, "/") + "_relay"
}

func (e *env) logger() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(e.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func (e *env) background(run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(e.Context())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	stop = func() { cancel(); <-done }
	e.Cleanup(stop)
	return stop
}

func (e *env) startRelay() (stop func()) {
	acquire := func(ctx context.Context) (relay.Source, error) { return e.capture.Acquire(ctx) }
	e.relayMetrics = prometheus.NewRegistry()
	r := relay.New(acquire, e.capture, e.kafka, e.kafka, e.logger(), e.relayMetrics)
	return e.background(func(ctx context.Context) {
		go relay.Beat(ctx, e.capture.Beat, e.logger())
		r.Run(ctx)
	})
}

func (e *env) startIndexer() (stop func()) {
	return e.background(indexer.New(e.engine, e.kafka, e.indices, prometheus.NewRegistry(), e.logger()).Run)
}

// history is the catalogue's position and the relay's.
type history struct {
	*postgres.Catalog
	capture *postgres.Capture
}

func (h history) VisibleLSN(ctx context.Context) (uint64, error) { return h.capture.VisibleLSN(ctx) }

// rebuilder makes a new operator.
func (e *env) rebuilder(name string) *Rebuilder {
	out := io.Discard
	if testing.Verbose() {
		out = e.Output()
	}
	r := New(e.engine, e.kafka, e.catalog, history{e.catalog, e.capture},
		Options{Prefix: e.indices, Operator: name, Out: out, Lease: shortLease})
	r.chunk = testChunk
	return r
}

// run rebuilds and expects it to work.
func (e *env) run() Summary {
	e.Helper()
	s, err := e.rebuilder("alice").Run(e.Context(), defaults)
	if err != nil {
		e.Fatalf("run: %v", err)
	}
	return s
}

var defaults = RunOptions{Shards: -1, Replicas: -1}

// exec runs SQL.
func (e *env) exec(sql string, args ...any) {
	e.Helper()
	if _, err := e.sql.Exec(e.Context(), sql, args...); err != nil {
		e.Fatalf("%s: %v", sql, err)
	}
}

// seed makes n movies with people, genres and other titles.
func (e *env) seed(n int) {
	e.Helper()
	e.exec(`INSERT INTO people (id, name) SELECT i, 'Person ' || i FROM generate_series(1, 50) AS i ON CONFLICT DO NOTHING`)
	e.exec(`INSERT INTO genres (id, name) VALUES (1, 'Drama'), (2, 'Comedy') ON CONFLICT DO NOTHING`)
	e.exec(`INSERT INTO movies (id, title, year, rating, votes, popularity, overview)
		SELECT i, 'Movie ' || i, 1950 + i % 70, (i % 100) / 10.0, i, i * 1.5, 'A <story> of "' || i || '" & more' FROM generate_series(1, $1) AS i`, n)
	e.exec(`INSERT INTO credits (movie_id, person_id, role, position) SELECT i, 1 + i % 50, 'director', 1 FROM generate_series(1, $1) AS i`, n)
	e.exec(`INSERT INTO movie_genres (movie_id, genre_id, position) SELECT i, 1 + i % 2, 1 FROM generate_series(1, $1) AS i`, n)
}

// request talks to the search cluster as an outsider would.
func (e *env) request(ctx context.Context, method, path, body string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, e.search+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), errors.Join(err, res.Body.Close())
}

// until waits for a condition.
func (e *env) until(what string, met func() bool) {
	e.Helper()
	for deadline := time.Now().Add(patience); !met(); {
		if time.Now().After(deadline) {
			e.Fatalf("not within %s: %s", patience, what)
		}
		select {
		case <-e.Context().Done():
			e.Fatal(e.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// reading is the index that answers.
func (e *env) reading() string {
	e.Helper()
	found, err := e.engine.Indices(e.Context(), e.indices+opensearch.ReadAlias)
	e.check(err)
	if len(found) != 1 {
		e.Fatalf("the read alias names %d indices, want 1", len(found))
	}
	return found[0].Name
}

// wantSame checks an index against the database in a way of its own: every movie
// that the export knows, read one by one.
func (e *env) wantSame(index string) {
	e.Helper()
	inspector := e.rebuilder("inspector")
	e.check(inspector.barrier(e.Context(), index))
	v, err := inspector.Verify(e.Context(), index)
	e.check(err)
	if !v.Clean() {
		e.Errorf("%s differs: %v", index, v.Differences)
	}
	n, err := e.catalog.Count(e.Context())
	e.check(err)
	stats, err := e.engine.Stats(e.Context(), index)
	e.check(err)
	if stats.Docs != n || v.Movies != n {
		e.Errorf("%s has %d documents, verification saw %d movies, the database has %d", index, stats.Docs, v.Movies, n)
	}
}

// The environment of a child process.
const childVariable = "REBUILD_TEST_CHILD"

func (a address) String() string {
	return strings.Join([]string{a.database, a.brokers, a.topics, a.search, a.indices}, "\n")
}

func parseAddress(s string) address {
	f := strings.Split(s, "\n")
	return address{f[0], f[1], f[2], f[3], f[4]}
}

func environ(point string, a address) []string {
	return append(os.Environ(), fmt.Sprintf("%s=%s\n%s", childVariable, point, a))
}
