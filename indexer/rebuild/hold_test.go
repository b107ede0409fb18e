package rebuild

import "testing"

// The hold of an operator that died in the middle of a swap expires: the index
// that answers is written to again though nobody runs another command.
func TestTheHoldOfADeadOperatorExpires(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(20)
	first := e.run().Index
	e.killedAt("feed held")
	e.exec(`UPDATE movies SET title = 'after' WHERE id = 1`)
	e.until("the held index has the change", func() bool {
		e.check(e.engine.Refresh(t.Context(), first))
		_, hits, err := e.request(t.Context(), "GET", "/"+first+"/_search?q=title:after&filter_path=hits.total.value", "")
		e.check(err)
		return hits == `{"hits":{"total":{"value":1}}}`
	})
	if e.reading() != first {
		t.Errorf("%s answers, want %s", e.reading(), first)
	}
}

// TestASuspendedOperatorSwapsNothing: its hold has expired, the index that answers
// has shown more since, and another operator holds it now.
func TestASuspendedOperatorSwapsNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(30)
	first := e.run().Index
	alice := e.rebuilder("alice")
	suspended := false
	alice.reached = func(at string) {
		if at != "about to swap" {
			return
		}
		suspended = true
		if released, err := e.engine.Release(t.Context(), first); err != nil || !released {
			t.Errorf("release: %v, %v", released, err)
		}
		e.exec(`UPDATE movies SET votes = votes + 1 WHERE id = 1`)
		e.check(alice.barrier(t.Context(), first))
		e.check(e.engine.Hold(t.Context(), first, "bob"))
	}
	if _, err := alice.Run(t.Context(), defaults); err == nil || !suspended {
		t.Errorf("alice's run: %v", err)
	}
	if e.reading() != first {
		t.Errorf("%s answers", e.reading())
	}
	if err := e.engine.EndHold(t.Context(), first, "bob"); err != nil {
		t.Errorf("bob's hold was ended: %v", err)
	}
	if s := e.run(); !s.Resumed {
		t.Errorf("got %+v", s)
	}
}
