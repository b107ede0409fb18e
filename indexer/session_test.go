package indexer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// rig is a session between a fake topic and a fake cluster, in virtual time.
type rig struct {
	t     testing.TB
	began time.Time
	// answer is what the cluster does with a request; nil is 20 ms and done.
	answer func(items int) (time.Duration, opensearch.Outcome)
	state  opensearch.WriteState

	mu        sync.Mutex
	requests  []sent
	commits   []kafka.Offsets
	parked    []kafka.DeadLetter
	failParks int
	batches   chan kafka.Batch
	next      int64
}

// sent is a request: when it came, and how many items it had.
type sent struct {
	At    time.Duration
	Items int
}

func newRig(t testing.TB) *rig {
	return &rig{t: t, began: time.Now(), state: opensearch.Writable, batches: make(chan kafka.Batch)}
}

func (r *rig) Partitions() []int           { return []int{0} }
func (r *rig) Batches() <-chan kafka.Batch { return r.batches }

func (r *rig) Commit(o kafka.Offsets) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(o) > 0 {
		r.commits = append(r.commits, o)
	}
	return nil
}

func (r *rig) Indices(context.Context, string) ([]opensearch.Index, error) { return nil, nil }

func (r *rig) WriteState(context.Context, string) (opensearch.WriteState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, nil
}

func (r *rig) Bulk(ctx context.Context, _ string, b *opensearch.Bulk) []opensearch.Result {
	r.mu.Lock()
	r.requests = append(r.requests, sent{time.Since(r.began), b.Len()})
	r.mu.Unlock()
	takes, outcome := 20*time.Millisecond, opensearch.Done
	if r.answer != nil {
		takes, outcome = r.answer(b.Len())
	}
	results := make([]opensearch.Result, b.Len())
	if sleep(ctx, takes) != nil {
		return results // nobody knows
	}
	for i := range results {
		results[i].Outcome = outcome
	}
	return results
}

func (r *rig) Consume(context.Context, string, string, *slog.Logger, func(context.Context, *kafka.Session) error) error {
	return errors.New("not used")
}

func (r *rig) EndOffsets(context.Context, string) (kafka.Offsets, error) { return nil, nil }

func (r *rig) Park(_ context.Context, letters []kafka.DeadLetter) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failParks > 0 {
		r.failParks--
		return errors.New("Kafka is away")
	}
	r.parked = append(r.parked, letters...)
	return nil
}

// send brings one change to the session.
func (r *rig) send() {
	r.next++
	m := message(r.t, r.next-1, movie.Event{ID: r.next, Op: movie.OpDelete, Version: 1})
	r.batches <- kafka.Batch{Messages: []kafka.Message{m}, Bytes: len(m.Key) + len(m.Value), End: r.next}
}

// run runs a session while the test goes on; stop ends it and gives its error.
func (r *rig) run() (stop func() error) {
	f := newFeed("x", r, r, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.serve(ctx, r) }()
	return func() error { cancel(); return <-done }
}

// A change that comes alone is sent at once; those that come while a request is
// answered go together, when it is answered or after gatherPatience.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.run()()
		r.send()
		time.Sleep(5 * time.Millisecond)
		r.send()
		r.send()
		r.send()
		time.Sleep(time.Second)
		r.answer = func(int) (time.Duration, opensearch.Outcome) { return 10 * time.Second, opensearch.Done }
		r.send()
		time.Sleep(time.Millisecond)
		r.send()
		r.send()
		time.Sleep(5 * time.Second)
		want := []sent{{0, 1}, {20 * time.Millisecond, 3}, {1005 * time.Millisecond, 1}, {1106 * time.Millisecond, 2}}
		if diff := cmp.Diff(want, r.requests); diff != "" {
			t.Error(diff)
		}
	})
}

// What the cluster turns away is sent again, at a pace that slows down to about
// two seconds, and nothing is committed before it has been taken.
func TestRetriesSlowDownAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.run()()
		recovered := time.Now().Add(time.Minute)
		r.answer = func(int) (time.Duration, opensearch.Outcome) {
			if time.Now().Before(recovered) {
				return time.Millisecond, opensearch.Retry
			}
			return time.Millisecond, opensearch.Done
		}
		r.send()
		time.Sleep(time.Minute - time.Second)
		if len(r.commits) > 0 {
			t.Errorf("%v was committed while nothing was written", r.commits)
		}
		if n := len(r.requests); n < 25 || n > 60 {
			t.Errorf("%d attempts within a minute", n)
		}
		time.Sleep(5 * time.Second)
		if diff := cmp.Diff([]kafka.Offsets{{0: 1}}, r.commits); diff != "" {
			t.Error(diff)
		}
	})
}

// A dead letter is in its topic before the offset is committed.
func TestPoisonIsParkedBeforeTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.run()()
		r.failParks = 5
		r.answer = func(int) (time.Duration, opensearch.Outcome) { return 0, opensearch.Poison }
		r.send()
		time.Sleep(100 * time.Millisecond)
		if len(r.parked) > 0 || len(r.commits) > 0 {
			t.Errorf("parked %v, committed %v while Kafka was away", r.parked, r.commits)
		}
		time.Sleep(10 * time.Second)
		if len(r.parked) != 1 || r.parked[0].MovieID != 1 || len(r.commits) != 1 {
			t.Errorf("parked %v, committed %v; want one of each", r.parked, r.commits)
		}
	})
}

// A refused write is not repeated while the index is withheld, only its state is
// asked; and it ends the session when the index is gone.
func TestRefusedWritesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.state = opensearch.Withheld
		r.answer = func(int) (time.Duration, opensearch.Outcome) { return 0, opensearch.Refused }
		r.send()
		time.Sleep(10 * time.Second)
		if len(r.requests) != 1 {
			t.Errorf("%d requests while withheld, want 1", len(r.requests))
		}
		r.mu.Lock()
		r.state = opensearch.Gone
		r.mu.Unlock()
		time.Sleep(time.Second)
		if err := stop(); !errors.Is(err, errIndexGone) {
			t.Errorf("got %v, want errIndexGone", err)
		}
		if len(r.commits) > 0 {
			t.Errorf("%v was committed", r.commits)
		}
	})
}
