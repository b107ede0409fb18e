//go:build bench

package relay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/mappings"
)

// catalogue fills the database with movies of about 900 bytes, in commits of 1,000.
func (r *rig) catalogue(movies int) {
	r.t.Helper()
	r.exec("INSERT INTO people (name) SELECT 'Person ' || n FROM generate_series(1, 20000) n")
	r.exec("INSERT INTO genres (name) SELECT 'Genre ' || n FROM generate_series(1, 20) n")
	for from := 1; from < movies; from += 1000 {
		r.exec(`WITH m AS (INSERT INTO movies (title, year, overview) SELECT 'Movie ' || n, 1900 + n % 120, repeat('words of an overview ', 15)
			FROM generate_series($1::int, $1::int + 999) n RETURNING id),
			c AS (INSERT INTO credits (movie_id, person_id, position) SELECT id, 1 + (id * 7 + p) % 20000, p FROM m, generate_series(1, 8) p)
			INSERT INTO movie_genres (movie_id, genre_id, position) SELECT id, 1 + (id + p) % 20, p FROM m, generate_series(1, 2) p`, from)
	}
	r.exec("ANALYZE")
}

// TestBenchRelayBacklog measures movies a second from the WAL to Kafka, built
// and acknowledged, beside a raw _bulk of the same documents.
func TestBenchRelayBacklog(t *testing.T) {
	const movies = 50_000
	r := newRig(t)
	first := r.start() // makes the slot
	r.await("the relay has begun", func() bool { return r.state().Epoch == 1 })
	first.stop()
	r.catalogue(movies)
	began := time.Now()
	relay := r.start()
	r.confirmed()
	ours := movies / time.Since(began).Seconds()
	relay.stop()
	reference := rawBulk(t, r.index())
	fmt.Printf("relay-backlog ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours, reference, ours/reference)
}

// rawBulk sends the documents to an index of the service's own, in bodies that
// are ready before the clock starts, and gives documents a second.
func rawBulk(t *testing.T, events map[int64]movie.Event) (perSecond float64) {
	t.Helper()
	url, prefix := stacktest.OpenSearch(t)
	body, err := mappings.Index(mappings.Options{Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	send(t, http.MethodPut, url+"/"+prefix+"raw", body)
	var bodies [][]byte
	var b bytes.Buffer
	for id, e := range events {
		fmt.Fprintf(&b, `{"index":{"_id":"%d"}}`+"\n", id)
		if err := json.NewEncoder(&b).Encode(mappings.Project(*e.Movie)); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 1<<20 {
			bodies = append(bodies, slices.Clone(b.Bytes()))
			b.Reset()
		}
	}
	bodies = append(bodies, b.Bytes())
	began := time.Now()
	for _, body := range bodies {
		send(t, http.MethodPost, url+"/"+prefix+"raw/_bulk", body)
	}
	return float64(len(events)) / time.Since(began).Seconds()
}

func send(t *testing.T, method, url string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK || strings.Contains(string(answer), `"errors":true`) {
		t.Fatalf("%s %s: %s %.300s", method, url, res.Status, answer)
	}
}

// TestBenchRelayDecode measures changed ids a second from the WAL, one changed
// movie a commit, beside the server's own decoding of the same WAL.
func TestBenchRelayDecode(t *testing.T) {
	const commits = 100_000
	r := newRig(t)
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	c := r.capture()
	s, err := c.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.exec("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", r.slot+"_bare")
	r.exec("CREATE PROCEDURE change(n int) LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..n LOOP UPDATE movies SET votes = i WHERE id = 1; COMMIT; END LOOP; END'")
	r.exec("SET synchronous_commit = off")
	r.exec("CALL change($1)", commits)

	began := time.Now()
	if s, err = c.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < commits; n++ {
		if _, ok := <-s.Commits(); !ok {
			t.Fatal(s.Close())
		}
	}
	ours := commits / time.Since(began).Seconds()
	_ = s.Close()

	began = time.Now()
	n := r.query(`SELECT count(*)::text FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,
		'proto_version', '1', 'publication_names', 'movies_changes', 'messages', 'true')`, r.slot+"_bare")
	reference := commits / time.Since(began).Seconds()
	t.Logf("the server decoded %s messages", n)
	fmt.Printf("relay-decode ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours, reference, ours/reference)
}

// TestBenchRelayLatency measures commit to Kafka's acknowledgement at 1,000
// changes a second, beside a publish of one message at a time.
func TestBenchRelayLatency(t *testing.T) {
	const changes, perSecond = 5000, 1000
	r := newRig(t)
	r.catalogue(changes)
	c := &clock{latencies: make(map[int64]time.Duration)}
	r.start(c.watch)
	r.confirmed()
	ticker := time.NewTicker(10 * time.Second / perSecond)
	defer ticker.Stop()
	for id := 1; id <= changes; {
		<-ticker.C
		for range 10 {
			r.exec("UPDATE movies SET votes = votes + 1 WHERE id = $1", id)
			id++
		}
	}
	r.confirmed()
	ours, missing := c.sorted(1, changes)
	if missing > 0 {
		t.Fatalf("%d changes are missing", missing)
	}
	reference := make([]time.Duration, 500)
	for i := range reference {
		began := time.Now()
		if err := r.client.Publish(t.Context(), kafka.TopicChanges, []kafka.Message{{Key: []byte("1"), Value: make([]byte, 900)}}); err != nil {
			t.Fatal(err)
		}
		reference[i] = time.Since(began)
	}
	slices.Sort(reference)
	for _, p := range []int{50, 99} {
		o, ref := ours[len(ours)*p/100], reference[len(reference)*p/100]
		fmt.Printf("relay-latency-p%d ours=%.1fms reference=%.1fms ratio=%.2f\n", p,
			float64(o.Microseconds())/1000, float64(ref.Microseconds())/1000, float64(o)/float64(ref))
	}
}
