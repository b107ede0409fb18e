//go:build bench

package indexer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/indexer"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

const (
	benchDocuments  = 100_000
	benchPartitions = 6
	benchRounds     = 3
	benchWorkers    = 4       // as many as the indexer has at most
	benchBody       = 1 << 20 // larger ones are no faster
)

// TestBenchThroughput measures documents a second from Kafka to searchable beside
// a raw _bulk of the same bytes, in alternating rounds of one run. The reference
// has its bodies ready in memory and does nothing but send them.
func TestBenchThroughput(t *testing.T) {
	e := newEnv(t, benchPartitions)
	events := benchEvents(benchDocuments)
	for part := range slices.Chunk(events, 5_000) {
		e.publish(part...)
	}
	bodies := benchBodies(t, events)
	e.benchReference("warm", bodies[:len(bodies)/10]) // the server's, not ours
	var ours, reference []float64
	for round := range benchRounds {
		runs := []func(){
			func() { reference = append(reference, e.benchReference(fmt.Sprintf("reference-%d", round), bodies)) },
			func() { ours = append(ours, e.benchIndexer(fmt.Sprintf("ours-%d", round))) },
		}
		for i := range runs { // who goes first changes, so that a drift favours nobody
			runs[(i+round)%2]()
		}
		t.Logf("round %d: ours %.0f/s, reference %.0f/s", round+1, ours[round], reference[round])
	}
	o, r := median(ours), median(reference)
	fmt.Printf("indexer-throughput ours=%.0f/s reference=%.0f/s ratio=%.2f\n", o, r, o/r)
}

func (e *env) benchIndexer(name string) (perSecond float64) {
	index := e.create(name)
	from := make(kafka.Offsets)
	for p := range benchPartitions {
		from[p] = 0
	}
	if err := e.kafka.SetGroupOffsets(e.t.Context(), indexer.GroupID(index), kafka.TopicChanges, from); err != nil {
		e.t.Fatal(err)
	}
	e.alias(index, false)
	began := time.Now()
	p := e.start(e.searchURL)
	ctx := e.t.Context()
	for total := int64(1); total > 0; {
		<-time.After(100 * time.Millisecond) // asking costs the broker, too
		lag, err := e.kafka.Lag(ctx, indexer.GroupID(index), kafka.TopicChanges)
		if err != nil {
			e.t.Fatal(err)
		}
		total = 0
		for _, n := range lag {
			total += n
		}
	}
	perSecond = e.searchable(index, benchDocuments, began)
	p.stop()
	e.drop(index)
	return perSecond
}

func (e *env) benchReference(name string, bodies [][]byte) (perSecond float64) {
	index := e.create(name)
	documents := 0
	for _, body := range bodies {
		documents += bytes.Count(body, []byte("\n")) / 2
	}
	target := e.searchURL + "/" + index + "/_bulk?filter_path=errors"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchWorkers}}
	began := time.Now()
	g, ctx := errgroup.WithContext(e.t.Context())
	g.SetLimit(benchWorkers)
	for _, body := range bodies {
		g.Go(func() error { return post(ctx, client, target, body) })
	}
	if err := g.Wait(); err != nil {
		e.t.Fatal(err)
	}
	perSecond = e.searchable(index, documents, began)
	e.drop(index)
	return perSecond
}

func post(ctx context.Context, client *http.Client, target string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err == nil && !bytes.Equal(answer, []byte(`{"errors":false}`)) {
		err = fmt.Errorf("%s: %s", res.Status, answer)
	}
	return err
}

// searchable makes everything visible, checks that it is all there, and gives
// the documents a second since began.
func (e *env) searchable(index string, documents int, began time.Time) float64 {
	if err := e.engine.Refresh(e.t.Context(), index); err != nil {
		e.t.Fatal(err)
	}
	took := time.Since(began)
	stats, err := e.engine.Stats(e.t.Context(), index)
	if err != nil {
		e.t.Fatal(err)
	}
	if stats.Docs != int64(documents) {
		e.t.Fatalf("%s has %d documents, want %d", index, stats.Docs, documents)
	}
	return float64(documents) / took.Seconds()
}

func (e *env) drop(index string) {
	if err := e.engine.DeleteIndex(e.t.Context(), index); err != nil {
		e.t.Fatal(err)
	}
}

// benchBodies are the requests that the indexer would send, made beforehand.
func benchBodies(t *testing.T, events []movie.Event) (bodies [][]byte) {
	var b opensearch.Bulk
	for i := range events {
		if err := b.Index(events[i].ID, events[i].Version, mappings.Project(*events[i].Movie)); err != nil {
			t.Fatal(err)
		}
		if b.Size() >= benchBody || i == len(events)-1 {
			bodies = append(bodies, bytes.Clone(b.Bytes()))
			b.Reset()
		}
	}
	return bodies
}

// benchEvents are movies whose words are distributed as in real text: a few are
// everywhere and most are rare.
func benchEvents(n int) []movie.Event {
	random := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(random, 1.1, 20, 60_000)
	names := rand.NewZipf(random, 1.05, 50, 400_000)
	text := func(n int) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(benchWord(words.Uint64()))
		}
		return b.String()
	}
	list := func(n int, one func() string) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = one()
		}
		return all
	}
	person := func() string { v := names.Uint64(); return benchWord(v%3_000) + " " + benchWord(v) }
	genre := func() string {
		return []string{"Drama", "Comedy", "Thriller", "Horror", "Romance", "Western"}[random.IntN(6)]
	}
	events := make([]movie.Event, n)
	for i := range events {
		id := int64(i) + 1
		m := &movie.Movie{
			ID: id, Title: text(1 + random.IntN(5)), Year: 1920 + random.IntN(105), Runtime: 60 + random.IntN(120),
			Genres: list(1+random.IntN(3), genre), Languages: []string{"en"}, Countries: []string{"US"},
			Overview: text(20 + random.IntN(60)), Directors: list(1, person), Cast: list(2+random.IntN(10), person),
			Keywords: list(random.IntN(6), func() string { return text(1) }), Rating: float64(random.IntN(100)) / 10,
			Votes: int64(random.IntN(1<<random.IntN(20)) + 1), Popularity: random.ExpFloat64() * 10, Revision: 1,
		}
		events[i] = movie.Event{ID: id, Op: movie.OpUpsert, Version: movie.Version(i + 1), CommittedAt: time.Now(), Movie: m}
	}
	return events
}

// benchWord spells a number as syllables; small numbers, the frequent words, are short.
func benchWord(n uint64) string {
	const syllables = "ba de fi go lu ma ne pi ro su ta ve wi xo yu za ke li mo nu"
	var b []byte
	for n++; n > 0; n /= 20 {
		at := n % 20 * 3
		b = append(b, syllables[at:at+2]...)
	}
	return string(b)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
