//go:build bench

package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// wayMovies are the movies of the person who is renamed; as many others are
	// changed meanwhile.
	wayMovies = 10_000
	// wayRate is how many changes are committed in a second, a transaction each.
	wayRate = 1000
	// wayLasts is how long each part lasts.
	wayLasts = 10 * time.Second
)

// TestBenchWay measures the whole way from a commit with plain SQL until a search
// shows it, at wayRate changes a second: first alone, then while a person with
// wayMovies movies is renamed, which must be seen in all of them within 10 s.
// One in twenty changes is looked for, by a search each 20 ms.
func TestBenchWay(t *testing.T) {
	e := newEnv(t)
	e.exec("INSERT INTO people (id, name) VALUES (1, 'Somebody Before')")
	e.exec("INSERT INTO movies (id, title, overview) SELECT n, 'Movie ' || n, repeat('words of an overview ', 15) FROM generate_series(1, $1::int) n", 2*wayMovies)
	e.exec("INSERT INTO credits (movie_id, person_id) SELECT n, 1 FROM generate_series(1, $1::int) n", wayMovies)
	e.exec("ANALYZE")
	index := e.run().Index
	e.measureWay(index, func() {}) // so that nobody is measured cold
	alone := e.measureWay(index, func() {})
	var renamed time.Duration
	beside := e.measureWay(index, func() { renamed = e.rename(index) })

	for _, p := range []int{50, 99} {
		a, b := percentile(alone, p), percentile(beside, p)
		fmt.Printf("commit-to-searchable-p%d ours=%.2fs reference=1.50s ratio=%.2f\n", p, a.Seconds(), a.Seconds()/1.5)
		fmt.Printf("commit-to-searchable-beside-rename-p%d ours=%.2fs reference=%.2fs ratio=%.2f\n", p, b.Seconds(), a.Seconds(), b.Seconds()/a.Seconds())
	}
	fmt.Printf("rename-of-%d ours=%.2fs reference=10.00s ratio=%.2f\n", wayMovies, renamed.Seconds(), renamed.Seconds()/10)
}

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[len(sorted)*p/100] }

// rename renames the person and gives how long it took until searches showed it
// in every movie.
func (e *env) rename(index string) time.Duration {
	e.exec("UPDATE people SET name = 'Somebody Afterwards' WHERE id = 1")
	began := time.Now()
	e.until("the new name is found in all movies", func() bool {
		var found struct{ Count int }
		e.answer("/"+index+"/_count", `{"query":{"match":{"names":"afterwards"}}}`, &found)
		return found.Count == wayMovies
	})
	return time.Since(began)
}

// measureWay commits changes at wayRate for wayLasts, and beside them does what
// it is told. It gives, sorted, how long the changes looked for took.
func (e *env) measureWay(index string, beside func()) []time.Duration {
	e.Helper()
	w := &way{env: e, index: index, open: make(map[int64]time.Time)}
	ctx, stop := context.WithTimeout(e.Context(), wayLasts)
	defer stop()
	var g errgroup.Group
	const writers = 8
	for n := range writers {
		g.Go(func() error { return w.write(ctx, n, writers) })
	}
	looked := make(chan struct{})
	go func() { defer close(looked); w.look() }()
	beside()
	e.check(g.Wait())
	w.mu.Lock()
	w.written = true
	w.mu.Unlock()
	<-looked
	slices.Sort(w.took)
	fmt.Printf("commit-to-searchable-changes ours=%.0f/s reference=%d/s ratio=%.2f\n",
		float64(w.changes)/wayLasts.Seconds(), wayRate, float64(w.changes)/wayLasts.Seconds()/wayRate)
	return w.took
}

// numbers of votes; none comes twice.
var numbers atomic.Int64

// way is one measurement. A change that is looked for gives its movie a number of
// votes of its own.
type way struct {
	*env
	index string

	mu      sync.Mutex
	open    map[int64]time.Time // when a number of votes was committed
	took    []time.Duration
	changes int
	written bool
}

// write changes one movie after the other of those that are not the person's.
func (w *way) write(ctx context.Context, n, of int) error {
	ticker := time.NewTicker(time.Second * time.Duration(of) / wayRate)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		votes := numbers.Add(1)
		if _, err := w.sql.Exec(w.Context(), "UPDATE movies SET votes = $1 WHERE id = $2", votes, wayMovies+1+(i*of+n)%wayMovies); err != nil {
			return err
		}
		w.mu.Lock()
		w.changes++
		if i%20 == 0 {
			w.open[votes] = time.Now()
		}
		w.mu.Unlock()
	}
}

// look searches until everything that it looks for has been found.
func (w *way) look() {
	for deadline := time.Now().Add(patience + wayLasts); ; <-time.After(20 * time.Millisecond) {
		w.mu.Lock()
		open, written := slices.Collect(maps.Keys(w.open)), w.written
		w.mu.Unlock()
		if len(open) == 0 && written {
			return
		}
		if time.Now().After(deadline) {
			w.Errorf("%d changes are not found", len(open))
			return
		}
		if len(open) > 0 {
			w.find(open)
		}
	}
}

func (w *way) find(open []int64) {
	query, err := json.Marshal(map[string]any{"size": len(open), "_source": []string{"votes"}, "query": map[string]any{"terms": map[string]any{"votes": open}}})
	w.check(err)
	var found struct {
		Hits struct {
			Hits []struct {
				Source struct{ Votes int64 } `json:"_source"`
			}
		}
	}
	w.answer("/"+w.index+"/_search", string(query), &found)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, hit := range found.Hits.Hits {
		if at, there := w.open[hit.Source.Votes]; there {
			w.took = append(w.took, now.Sub(at))
			delete(w.open, hit.Source.Votes)
		}
	}
}

// answer asks the engine past everything of the service.
func (e *env) answer(path, body string, answer any) {
	status, raw, err := e.request(e.Context(), http.MethodPost, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d: %s", status, raw)
	}
	if err == nil {
		err = json.NewDecoder(strings.NewReader(raw)).Decode(answer)
	}
	if err != nil {
		e.Errorf("%s: %v", path, err) // not Fatal: it may be another goroutine
	}
}
