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
