package rebuild

import (
	"errors"
	"testing"
)

func TestTheFirstIndexIsMadeOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	s := e.run()
	if s.Movies != 0 || s.Previous != "" || e.reading() != s.Index {
		t.Errorf("got %+v", s)
	}
	e.seed(10) // must arrive by the feed
	e.until("ten movies", func() bool {
		e.check(e.engine.Refresh(t.Context(), s.Index))
		stats, err := e.engine.Stats(t.Context(), s.Index)
		return err == nil && stats.Docs == 10
	})
	e.wantSame(s.Index)
}

func TestRunRollbackFinalize(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(300)
	first := e.run()
	e.wantSame(first.Index)
	e.exec(`UPDATE movies SET title = title || '!' WHERE id % 3 = 0`)
	e.exec(`DELETE FROM movies WHERE id % 10 = 0`)
	second := e.run()
	if second.Previous != first.Index || e.reading() != second.Index || second.Index == first.Index {
		t.Fatalf("got %+v after %+v", second, first)
	}
	e.wantSame(second.Index)
	e.wantSame(first.Index) // it is still fed

	if _, err := e.rebuilder("alice").Run(t.Context(), defaults); err == nil {
		t.Error("a third index was built while one is kept for a rollback")
	}
	e.exec(`UPDATE movies SET title = 'after the swap' WHERE id = 7`)
	from, to, err := e.rebuilder("alice").Rollback(t.Context())
	if err != nil || from != second.Index || to != first.Index || e.reading() != first.Index {
		t.Fatalf("rollback: from %s to %s, %v", from, to, err)
	}
	e.wantSame(first.Index)
	retired, err := e.rebuilder("alice").Finalize(t.Context())
	if err != nil || len(retired) != 1 || retired[0] != second.Index {
		t.Fatalf("finalize: %v, %v", retired, err)
	}
	if _, _, err := e.rebuilder("alice").Rollback(t.Context()); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("rollback without another index: %v", err)
	}
	status, err := e.rebuilder("alice").Status(t.Context())
	if err != nil || len(status.Indices) != 1 || !status.Indices[0].Reads || !status.Indices[0].Fed || status.Indices[0].Lag == nil {
		t.Errorf("status: %+v, %v", status, err)
	}
}
