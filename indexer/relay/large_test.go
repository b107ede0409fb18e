package relay_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// clock is a Publisher that notes how long after its commit each event was
// acknowledged, by the one clock of the test's machine.
type clock struct {
	mu        sync.Mutex
	latencies map[int64]time.Duration // by movie, of its last event
}

func (c *clock) watch(p *parts) {
	real := p.publisher
	p.publisher = publisherFunc(func(ctx context.Context, read time.Time, events []movie.Event) ([]kafka.DeadLetter, error) {
		parked, err := real.PublishEvents(ctx, read, events)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, e := range events {
			c.latencies[e.ID] = time.Since(e.CommittedAt)
		}
		return parked, err
	})
}

// sorted gives the latencies of movies first to last, in order, and how many have
// none.
func (c *clock) sorted(first, last int64) (latencies []time.Duration, missing int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := first; id <= last; id++ {
		if l, ok := c.latencies[id]; ok {
			latencies = append(latencies, l)
		} else {
			missing++
		}
	}
	slices.Sort(latencies)
	return latencies, missing
}

// A person with 10,000 movies is renamed while others are changed one by one.
func TestRenameOfAPersonWithManyMovies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const credited, single = 10_000, 200
	r.exec("INSERT INTO people (id, name) VALUES (1, 'before')")
	r.exec("INSERT INTO movies (id, title) SELECT n, 'movie' FROM generate_series(1, $1::int) n", credited+single)
	r.exec("INSERT INTO credits (movie_id, person_id) SELECT n, 1 FROM generate_series(1, $1::int) n", credited)
	r.exec("ANALYZE")
	c := &clock{latencies: make(map[int64]time.Duration)}
	r.start(c.watch)
	r.confirmed()

	r.exec("UPDATE people SET name = 'after' WHERE id = 1")
	for id := credited + 1; id <= credited+single; id++ {
		r.exec("UPDATE movies SET title = 'changed' WHERE id = $1", id)
		<-time.After(5 * time.Millisecond)
	}
	r.confirmed()
	renamed, missing := c.sorted(1, credited)
	if missing > 0 {
		t.Fatalf("of %d renamed credits %d are missing", credited, missing)
	}
	others, missing := c.sorted(credited+1, credited+single)
	all, p99 := renamed[credited-1], others[len(others)*99/100]
	if missing > 0 || p99 > max(all/2, 300*time.Millisecond) { // held up by the rename, they would take as long
		t.Errorf("of %d other changes %d are missing, the 99th percentile took %v, the rename %v", single, missing, p99, all)
	}
	t.Logf("rename: %v for all; others meanwhile: median %v, p99 %v", all, others[len(others)/2], p99)
	for id, e := range r.index() {
		if id <= credited && (len(e.Movie.Cast) != 1 || e.Movie.Cast[0] != "after") {
			t.Fatalf("movie %d has the cast %v", id, e.Movie.Cast)
		}
	}
}
