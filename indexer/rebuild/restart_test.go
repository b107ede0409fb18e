package rebuild

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"movies/internal/movie"
)

// TestTheDatabaseGoesAway ends every connection to the database in the middle of
// the backfill and of the verification, as its restart does, under readers and
// writers. The run that fails is gone on with, and repeats at most one chunk per
// worker.
func TestTheDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const movies = 30 * testChunk
	e.seed(movies)
	first := e.run()
	watch := e.observe()
	var chunks, cuts atomic.Int64
	cut := func() {
		cuts.Add(1)
		_, err := e.sql.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		e.check(err)
	}
	var s Summary
	e.until("a run succeeds", func() bool {
		r := e.rebuilder("alice")
		r.reached = func(at string) {
			switch {
			case at == "chunk read" && chunks.Add(1) == 10, at == "begin verify" && cuts.Load() == 1:
				cut()
			}
		}
		var err error
		s, err = r.Run(t.Context(), defaults)
		var differs *DiffersError
		if errors.As(err, &differs) || errors.Is(err, movie.ErrConflict) {
			t.Fatal(err)
		}
		if err != nil {
			t.Logf("a run failed: %v", err)
		}
		return err == nil
	})
	watch()
	if cuts.Load() < 2 || s.Previous != first.Index || s.Movies < movies {
		t.Errorf("%d cuts, %+v", cuts.Load(), s)
	}
	// The last range is empty and counts as one.
	if n := chunks.Load(); n > 31+backfillWorkers {
		t.Errorf("%d chunks were read, of 31 there are", n)
	}
	e.wantSame(s.Index)
}

// TestTheClusterTellsNothing: a cluster that refuses every request for a while, as
// when it has no leader, holds a run up and does not end it.
func TestTheClusterTellsNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(10 * testChunk)
	first := e.run()
	r := e.rebuilder("alice")
	var once atomic.Bool
	r.reached = func(at string) {
		if at != "chunk read" || !once.CompareAndSwap(false, true) {
			return
		}
		status, err := r.Status(t.Context())
		e.check(err)
		block := func(on any) {
			e.check(e.engine.PutSettings(t.Context(), status.Run.Index, map[string]any{"index.blocks.write": on}))
		}
		block(true)
		time.AfterFunc(2*time.Second, func() { block(nil) })
	}
	s, err := r.Run(t.Context(), defaults)
	if err != nil || s.Previous != first.Index {
		t.Fatalf("got %+v, %v", s, err)
	}
	e.wantSame(s.Index)
}
