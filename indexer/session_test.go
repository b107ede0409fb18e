package indexer

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
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
	t       testing.TB
	began   time.Time
	batches chan kafka.Batch
	next    int64

	mu sync.Mutex
	behaviour
	record
}

// behaviour is what the fakes do.
type behaviour struct {
	takes     time.Duration      // to answer a request
	outcome   opensearch.Outcome // of every item
	until     time.Time          // of that outcome; then it is Done
	state     opensearch.WriteState
	marked    bool // the index is held with a mark
	failParks int
}

// record is what they have seen.
type record struct {
	requests []sent
	commits  []kafka.Offsets
	parked   []kafka.DeadLetter
}

// sent is a request: when it came, and how many items it had.
type sent struct {
	At    time.Duration
	Items int
}

func newRig(t testing.TB) *rig {
	return &rig{t: t, began: time.Now(), batches: make(chan kafka.Batch),
		behaviour: behaviour{takes: 20 * time.Millisecond, outcome: opensearch.Done, state: opensearch.Writable}}
}

func (r *rig) behave(change func(*behaviour)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.behaviour)
}

// seen is a copy of the record.
func (r *rig) seen() record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return record{slices.Clone(r.requests), slices.Clone(r.commits), slices.Clone(r.parked)}
}

func (r *rig) Start() kafka.Offsets        { return kafka.Offsets{0: 0} }
func (r *rig) Batches() <-chan kafka.Batch { return r.batches }

func (r *rig) Commit(o kafka.Offsets) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(o) > 0 {
		r.commits = append(r.commits, maps.Clone(o))
	}
	return nil
}

func (r *rig) Indices(context.Context, string) ([]opensearch.Index, error) { return nil, nil }

func (r *rig) WriteState(context.Context, string) (opensearch.WriteState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, nil
}

func (r *rig) Release(context.Context, string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	released := r.marked
	if released {
		r.outcome, r.state, r.marked = opensearch.Done, opensearch.Writable, false
	}
	return released, nil
}

func (r *rig) Lag(context.Context, string, string) (map[int]int64, error) { return nil, nil }

func (r *rig) Bulk(ctx context.Context, _ string, b *opensearch.Bulk) []opensearch.Result {
	r.mu.Lock()
	r.requests = append(r.requests, sent{time.Since(r.began), b.Len()})
	now := r.behaviour
	r.mu.Unlock()
	results := make([]opensearch.Result, b.Len())
	if sleep(ctx, now.takes) != nil {
		return results // nobody knows
	}
	for i := range results {
		results[i].Outcome = now.outcome
		if !now.until.IsZero() && time.Now().After(now.until) {
			results[i].Outcome = opensearch.Done
		}
	}
	return results
}

func (r *rig) Beat(context.Context, string, int64, movie.Version) error { return nil }

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
		stop := r.run()
		r.send()
		pause(5 * time.Millisecond)
		r.send()
		r.send()
		r.send()
		pause(time.Second)
		r.behave(func(b *behaviour) { b.takes = 10 * time.Second })
		r.send()
		pause(time.Millisecond)
		r.send()
		r.send()
		pause(5 * time.Second)
		want := []sent{{0, 1}, {20 * time.Millisecond, 3}, {1005 * time.Millisecond, 1}, {1106 * time.Millisecond, 2}}
		if diff := cmp.Diff(want, r.seen().requests); diff != "" {
			t.Error(diff)
		}
		_ = stop()
	})
}

// What the cluster turns away is sent again, at a pace that slows down to about
// two seconds, and nothing is committed before it has been taken.
func TestRetriesSlowDownAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.behave(func(b *behaviour) { b.outcome, b.until = opensearch.Retry, time.Now().Add(time.Minute) })
		r.send()
		pause(59 * time.Second)
		if seen := r.seen(); len(seen.commits) > 0 || len(seen.requests) < 25 || len(seen.requests) > 60 {
			t.Errorf("within a minute %d attempts, and committed was %v", len(seen.requests), seen.commits)
		}
		pause(5 * time.Second)
		if diff := cmp.Diff([]kafka.Offsets{{0: 1}}, r.seen().commits); diff != "" {
			t.Error(diff)
		}
		_ = stop()
	})
}

// A dead letter is in its topic before the offset is committed.
func TestPoisonIsParkedBeforeTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.behave(func(b *behaviour) { b.outcome, b.failParks = opensearch.Poison, 5 })
		r.send()
		pause(100 * time.Millisecond)
		if seen := r.seen(); len(seen.parked) > 0 || len(seen.commits) > 0 {
			t.Errorf("parked %v, committed %v while Kafka was away", seen.parked, seen.commits)
		}
		pause(10 * time.Second)
		if seen := r.seen(); len(seen.parked) != 1 || seen.parked[0].MovieID != 1 || len(seen.commits) != 1 {
			t.Errorf("parked %v, committed %v; want one of each", seen.parked, seen.commits)
		}
		_ = stop()
	})
}

// A refused write is not repeated while the index is withheld, only its state is
// asked; and it ends the session when the index is gone.
func TestRefusedWritesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.behave(func(b *behaviour) { b.outcome, b.state = opensearch.Refused, opensearch.Withheld })
		r.send()
		pause(10 * time.Second)
		if n := len(r.seen().requests); n != 1 {
			t.Errorf("%d requests while withheld, want 1", n)
		}
		r.behave(func(b *behaviour) { b.state = opensearch.Gone })
		pause(time.Second)
		if err := stop(); !errors.Is(err, errIndexGone) {
			t.Errorf("got %v, want errIndexGone", err)
		}
		if commits := r.seen().commits; len(commits) > 0 {
			t.Errorf("%v was committed", commits)
		}
	})
}

// The hold of a process that died expires; an index from which somebody has taken
// the alias by hand stays withheld.
func TestHoldExpires(t *testing.T) {
	for _, marked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			stop := r.run()
			r.behave(func(b *behaviour) { b.outcome, b.state, b.marked = opensearch.Refused, opensearch.Withheld, marked })
			r.send()
			pause(holdLimit - time.Second)
			if n := len(r.seen().requests); n != 1 {
				t.Errorf("%d requests before the hold expires, want 1", n)
			}
			pause(time.Minute)
			if commits := r.seen().commits; (len(commits) > 0) != marked {
				t.Errorf("held with a mark %v: committed %v", marked, commits)
			}
			_ = stop()
		})
	}
}

// A closed index, which has its alias and refuses writes, is not asked without
// pause.
func TestClosedIndexIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.behave(func(b *behaviour) { b.outcome = opensearch.Refused })
		r.send()
		pause(59 * time.Second)
		if n := len(r.seen().requests); n < 25 || n > 60 {
			t.Errorf("%d attempts within a minute", n)
		}
		_ = stop()
	})
}

// pause lets virtual time pass.
func pause(d time.Duration) { <-time.After(d) }
