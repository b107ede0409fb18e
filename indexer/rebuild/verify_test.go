package rebuild

import (
	"errors"
	"net/http"
	"slices"
	"testing"
)

// tamper writes to an index as only a vandal would.
func (e *env) tamper(method, path, body string, expected ...int) {
	e.Helper()
	status, answer, err := e.request(e.Context(), method, path, body)
	if err != nil || status >= 300 && !slices.Contains(expected, status) {
		e.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
}

func TestVerifyFindsAndRepairs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(300)
	index := e.run().Index
	e.tamper(http.MethodPost, "/"+index+"/_update/77", `{"doc":{"votes":23456}}`)
	e.tamper(http.MethodPut, "/"+index+"/_doc/999999", `{"id":999999,"title":"nobody made this","revision":3}`)
	e.tamper(http.MethodPut, "/"+index+"/_doc/101", `{"id":5,"title":"under another's id","revision":9}`)
	e.tamper(http.MethodPut, "/"+index+"/_doc/abc", `{"title":"no movie's id"}`)
	e.tamper(http.MethodDelete, "/"+index+"/_doc/234", ``)

	v, err := e.rebuilder("alice").Verify(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[int64]Kind)
	for _, d := range v.Differences {
		kinds[d.ID] = d.Kind
		if d.ID == 77 && (!slices.Equal(d.Fields, []string{"votes"}) || d.Newer != "same revision") {
			t.Errorf("movie 77: got %+v", d)
		}
		if d.ID == 101 && d.Newer != "index" {
			t.Errorf("movie 101: got %+v", d)
		}
	}
	want := map[int64]Kind{77: Differs, 999999: Orphan, 101: Differs, 234: Missing, 0: Stray}
	if v.Total != 5 || len(kinds) != len(want) {
		t.Errorf("got %d differences: %v", v.Total, v.Differences)
	}
	for id, kind := range want {
		if kinds[id] != kind {
			t.Errorf("movie %d is %q, want %q", id, kinds[id], kind)
		}
	}

	v, err = e.rebuilder("alice").Repair(t.Context(), "")
	if err != nil || !v.Clean() || v.Repaired != 5 {
		t.Errorf("repair: %+v, %v", v, err)
	}
	e.wantSame(index)
}

// The database has lost the relay's slot: nobody captured what was changed since.
// The relay says so with the command that helps, and after that nothing is
// missing, nothing is too much, and nobody is asked for it any more.
func TestRepairAfterALostSlot(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(100)
	index := e.run().Index
	e.stopRelay()
	e.until("the slot is dropped", func() bool { // which the server refuses for a moment after the relay has stopped
		_, err := e.sql.Exec(t.Context(), "SELECT pg_drop_replication_slot($1)", e.slot())
		return err == nil
	})
	e.exec("UPDATE movies SET title = 'nobody captured this' WHERE id = 7")
	e.exec("DELETE FROM movies WHERE id = 8")
	e.exec("INSERT INTO movies (id, title) VALUES (101, 'nor this')")
	e.exec("UPDATE people SET name = 'Renamed meanwhile' WHERE id = 9")
	e.startRelay()
	e.until("a repair is due", func() bool {
		s, err := e.rebuilder("alice").Status(t.Context())
		return err == nil && s.RepairReason != ""
	})
	if due := e.repairDue(); due == 0 {
		t.Error("no metric says that a repair is due")
	}
	v, err := e.rebuilder("alice").Repair(t.Context(), "")
	if err != nil || !v.Clean() || v.Repaired < 4 {
		t.Fatalf("repair: %+v, %v", v, err)
	}
	e.wantSame(index)
	if s, err := e.rebuilder("alice").Status(t.Context()); err != nil || s.RepairReason != "" {
		t.Errorf("after the repair: %+v, %v", s, err)
	}
	e.until("the metric says that no repair is due", func() bool { return e.repairDue() == 0 })
}

// repairDue is the relay's metric.
func (e *env) repairDue() float64 {
	e.Helper()
	families, err := e.relayMetrics.Gather()
	e.check(err)
	for _, f := range families {
		if f.GetName() == "movies_relay_repair_due_since_seconds" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	e.Fatal("the relay has no such metric")
	return 0
}

func TestAnIndexThatDiffersIsNotPutInPlace(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(100)
	first := e.run()
	r := e.rebuilder("alice")
	var second string
	r.reached = func(at string) {
		if at != "end catch-up" {
			return
		}
		status, err := r.Status(t.Context())
		e.check(err)
		second = status.Run.Index
		e.tamper(http.MethodPost, "/"+second+"/_update/77?refresh=true", `{"doc":{"title":"wrong"}}`)
	}
	_, err := r.Run(t.Context(), defaults)
	var differs *DiffersError
	if !errors.As(err, &differs) || differs.Verification.Total != 1 || e.reading() != first.Index {
		t.Fatalf("got %v, and %s answers", err, e.reading())
	}
	if v, err := e.rebuilder("alice").Repair(t.Context(), second); err != nil || !v.Clean() {
		t.Fatalf("repair: %+v, %v", v, err)
	}
	if s := e.run(); !s.Resumed || s.Index != second || e.reading() != second {
		t.Errorf("got %+v", s)
	}
}

func TestSameInAnotherSpelling(t *testing.T) {
	for _, c := range []struct {
		database, index string
		same            bool
	}{
		{`{"id":1,"rating":7}`, `{"rating":7.0,"id":1}`, true},
		{`{"id":1,"rating":7}`, `{"rating":7.1,"id":1}`, false},
		{`{"id":1,"popularity":1e3}`, `{"popularity":1000,"id":1}`, true},
		{`{"id":1}`, `{"id":1,"title":null}`, false},
		{`{"id":1,"cast":["a","b"]}`, `{"id":1,"cast":["b","a"]}`, false},
		{`{"id":9007199254740993}`, `{"id":9007199254740992}`, false},
		{`{"id":1}`, `[]`, false},
	} {
		p := &pair{database: []byte(c.database), index: []byte(c.index)}
		if p.same() != c.same {
			t.Errorf("%s and %s: same is %v", c.database, c.index, p.same())
		}
	}
	if (&pair{}).same() != true || (&pair{index: []byte("{}")}).same() || (&pair{database: []byte("{}")}).same() {
		t.Error("a side that has nothing is only the same as nothing")
	}
}
