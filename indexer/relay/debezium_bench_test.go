//go:build bench

package relay_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	stackpom "movies/deploy/stack"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/stack"
	"movies/internal/stack/stacktest"
)

// TestBenchBesideDebezium changes movies in a commit each and has three readers
// take the same WAL in: change capture alone, the relay all the way to Kafka with
// whole documents, and Debezium all the way to Kafka with rows. Of Debezium's rows
// the second half counts, when it is warm; the relay runs before and after it, so
// that a machine that gets slower or faster favours nobody.
func TestBenchBesideDebezium(t *testing.T) {
	const movies = 40_000
	r := newRig(t)
	r.catalogue(movies)
	r.exec("CREATE PUBLICATION rows FOR TABLE movies")
	c := r.capture()
	s, err := c.Acquire(t.Context()) // makes the slot
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []string{"_alone", "_again", "_rows"} {
		r.await("the slot is free", func() bool {
			_, err := r.pool.Exec(t.Context(), "SELECT pg_copy_logical_replication_slot($1, $2)", r.slot, r.slot+reader)
			return err == nil
		})
		t.Cleanup(func() {
			_, _ = r.pool.Exec(t.Context(), "SELECT pg_drop_replication_slot($1)", r.slot+reader)
		})
	}
	r.exec("CREATE PROCEDURE change(n int) LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..n LOOP UPDATE movies SET votes = votes + 1 WHERE id = i; COMMIT; END LOOP; END'")
	r.exec("ALTER DATABASE " + r.query("SELECT quote_ident(current_database())") + " SET synchronous_commit = off")
	r.pool.Reset()
	r.exec("CALL change($1)", movies)

	alone := r.decodeAlone(movies)
	before := r.relayAll(r.slot, movies)
	debezium := r.debeziumAll(movies)
	ours := (before + r.relayAll(r.slot+"_again", movies)) / 2
	fmt.Printf("decode-beside-debezium ours=%.0f/s reference=%.0f/s ratio=%.2f\n", alone, debezium, alone/debezium)
	fmt.Printf("relay-beside-debezium ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours, debezium, ours/debezium)
}

// decodeAlone gives how many changed ids a second change capture hands on.
func (r *rig) decodeAlone(movies int) (perSecond float64) {
	r.t.Helper()
	alone := *r
	alone.slot += "_alone"
	began := time.Now()
	s, err := alone.capture().Acquire(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for n := 0; n < movies; {
		c, ok := <-s.Commits()
		if !ok {
			r.t.Fatal(s.Close())
		}
		n += len(c.IDs)
	}
	perSecond = float64(movies) / time.Since(began).Seconds()
	_ = s.Close()
	return perSecond
}

// relayAll gives how many movies a second the relay reads and publishes.
func (r *rig) relayAll(slot string, movies int) (perSecond float64) {
	r.t.Helper()
	mine := *r
	mine.slot = slot
	began := time.Now()
	relay := mine.start()
	mine.confirmed()
	perSecond = float64(movies) / time.Since(began).Seconds()
	relay.stop()
	return perSecond
}

// debeziumAll gives how many rows a second Debezium publishes.
func (r *rig) debeziumAll(movies int64) (perSecond float64) {
	r.t.Helper()
	s, err := stack.Open(stack.Options{Dir: filepath.Join("..", "..", ".local", "debezium"), POM: stackpom.POM, Ephemeral: true,
		Report: func(line string) { r.t.Log(line) }})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = s.Stop(r.t.Context()) }()
	brokers, prefix := stacktest.Kafka(r.t)
	err = s.StartDebezium(r.t.Context(), stack.Debezium{DatabaseURL: r.url, KafkaBrokers: brokers, Table: "public.movies",
		Slot: r.slot + "_rows", Publication: "rows", Prefix: prefix + "rows"})
	if err != nil {
		r.t.Fatal(err)
	}
	var first time.Time
	var already int64
	for deadline := time.Now().Add(3 * time.Minute); ; <-time.After(20 * time.Millisecond) {
		n := r.messages(brokers, prefix+"rows.public.movies")
		if n > movies/2 && first.IsZero() {
			first, already = time.Now(), n
		}
		if n >= movies {
			return float64(n-already) / time.Since(first).Seconds()
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("Debezium has published %d of %d rows", n, movies)
		}
	}
}

// messages is how many messages a topic of any name has; none when it is not there.
func (r *rig) messages(brokers, topic string) (n int64) {
	r.t.Helper()
	client, err := kafka.NewClient(config.Kafka{Brokers: []string{brokers}}, "bench")
	if err != nil {
		r.t.Fatal(err)
	}
	defer client.Close()
	ends, err := client.EndOffsets(r.t.Context(), topic)
	if err != nil {
		return 0
	}
	for _, end := range ends {
		n += end
	}
	return n
}
