package relay_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"movies/indexer/relay"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

// rig is a database, topics and the relays between them.
type rig struct {
	t      testing.TB
	url    string
	slot   string
	pool   *pgxpool.Pool
	client *kafka.Client
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOn(t, stacktest.PostgresMigrated(t, "movies", migrate))
}

func migrate(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url)
	return err
}

var discard = slog.New(slog.DiscardHandler)

// newRigOn is newRig on a database that is there.
func newRigOn(t testing.TB, url string) *rig {
	t.Helper()
	brokers, prefix := stacktest.Kafka(t)
	client, err := kafka.NewClient(config.Kafka{Brokers: []string{brokers}, TopicPrefix: prefix}, "relay test")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		if err := client.DeleteTopics(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("remove the test's topics: %v", err)
		}
		client.Close()
	})
	settings := kafka.TopicSettings{Partitions: 3, ReplicationFactor: 1, MinInSyncReplicas: 1}
	if _, err := client.EnsureTopics(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, url: url, slot: strings.TrimSuffix(prefix, "."), pool: pool, client: client}
}

// capture opens change capture on the rig's slot.
func (r *rig) capture() *postgres.Capture {
	r.t.Helper()
	c, err := postgres.NewCapture(r.url, r.slot, slog.New(slog.NewTextHandler(r.t.Output(), nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	c.Announce = func(ctx context.Context) error { return relay.Announce(ctx, r.client) }
	r.t.Cleanup(c.Close)
	return c
}

// running is a relay that can be stopped.
type running struct {
	registry *prometheus.Registry
	stop     func()
}

// start runs a relay until stop is called or the test ends. The functions, where
// given, wrap its parts.
func (r *rig) start(wrap ...func(*parts)) *running {
	r.t.Helper()
	c := r.capture()
	p := parts{reader: c, publisher: r.client, acquire: func(ctx context.Context) (relay.Source, error) { return c.Acquire(ctx) }}
	for _, w := range wrap {
		w(&p)
	}
	log := slog.New(slog.NewTextHandler(r.t.Output(), nil))
	registry := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		relay.New(p.acquire, p.reader, p.publisher, r.client, log, registry).Run(ctx)
	}()
	stop := func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			r.t.Error("the relay did not stop within 10 s")
		}
	}
	r.t.Cleanup(stop)
	return &running{registry, stop}
}

// parts are what a relay is wired from.
type parts struct {
	acquire   relay.Acquire
	reader    relay.Reader
	publisher relay.Publisher
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(r.t.Context(), sql, args...); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// query gives the one value, as text.
func (r *rig) query(sql string, args ...any) (value string) {
	r.t.Helper()
	if err := r.pool.QueryRow(r.t.Context(), sql, args...).Scan(&value); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// state is what the relay has persisted.
func (r *rig) state() kafka.RelayState {
	r.t.Helper()
	s, err := r.client.LoadRelayState(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// onServer is the rig with the database movies of another server.
func (r *rig) onServer(s *stacktest.PostgresServer) *rig {
	r.t.Helper()
	moved := *r
	moved.url = strings.Replace(s.URL, "/postgres?", "/movies?", 1)
	pool, err := pgxpool.New(r.t.Context(), moved.url)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(pool.Close)
	moved.pool = pool
	return &moved
}

// events gives all events in the topic, in the order of each partition.
func (r *rig) events() []movie.Event {
	r.t.Helper()
	var events []movie.Event
	err := r.client.ReadAll(r.t.Context(), kafka.TopicChanges, func(m kafka.Message) error {
		e, err := kafka.DecodeEvent(m.Value)
		events = append(events, e)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

// index gives what an index that applied all events would hold.
func (r *rig) index() map[int64]movie.Event {
	newest := make(map[int64]movie.Event)
	for _, e := range r.events() {
		if e.Version > newest[e.ID].Version {
			newest[e.ID] = e
		}
	}
	return newest
}

// title is the title of a movie in an index that applied all events.
func (r *rig) title(id int64) string {
	if m := r.index()[id].Movie; m != nil {
		return m.Title
	}
	return ""
}

// await waits until the condition holds.
func (r *rig) await(what string, condition func() bool) {
	r.t.Helper()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-deadline:
			r.t.Fatalf("not within 20 s: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// confirmed waits until everything committed so far is confirmed.
func (r *rig) confirmed() {
	r.t.Helper()
	var lsn string
	if err := r.pool.QueryRow(r.t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&lsn); err != nil {
		r.t.Fatal(err)
	}
	r.await("slot confirmed up to "+lsn, func() bool {
		var done bool
		err := r.pool.QueryRow(r.t.Context(), "SELECT coalesce((SELECT confirmed_flush_lsn >= $1::text::pg_lsn FROM pg_replication_slots WHERE slot_name = $2), false)",
			lsn, r.slot).Scan(&done)
		if err != nil {
			r.t.Fatal(err)
		}
		return done
	})
}

// sameAsDatabase fails the test where the index differs from the database.
func (r *rig) sameAsDatabase() {
	r.t.Helper()
	rows, err := r.pool.Query(r.t.Context(), "SELECT id FROM movies")
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			r.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	documents, err := postgres.Documents(r.t.Context(), r.pool, ids)
	if err := errors.Join(err, rows.Err()); err != nil {
		r.t.Fatal(err)
	}
	r.compare(documents)
}
