package rebuild

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"movies/internal/movie"
	"movies/search/opensearch"
)

// future is a version that no database comes to.
const future = math.MaxInt64 - 7

// kindsFound verifies and gives the kind of each difference, by movie; strays are 0.
func (e *env) kindsFound() map[int64]Kind {
	e.Helper()
	v, err := e.rebuilder("alice").Verify(e.Context(), "")
	e.check(err)
	kinds := make(map[int64]Kind)
	for _, d := range v.Differences {
		kinds[d.ID] = d.Kind
	}
	return kinds
}

// repaired expects one call to put everything right, for good: what it has
// repaired follows later changes.
func (e *env) repaired(index string, ids ...int64) {
	e.Helper()
	v, err := e.rebuilder("alice").Repair(e.Context(), "")
	if err != nil || !v.Clean() {
		e.Fatalf("repair: %+v, %v", v, err)
	}
	e.exec(`UPDATE movies SET title = title || ' later' WHERE id = ANY($1)`, ids)
	e.wantSame(index)
	if was, err := e.engine.Setting(e.Context(), index, gcDeletes); err != nil || was != "1h" {
		e.Errorf("%s is %s after the repair, %v", gcDeletes, was, err)
	}
}

// TestWhatNoChangeReplaces plants documents and deletes with versions that no
// change exceeds.
func TestWhatNoChangeReplaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(120)
	e.exec(`DELETE FROM movies WHERE id = 90`)
	index := e.run().Index
	path := func(id int) string {
		return fmt.Sprintf("/%s/_doc/%d?version_type=external&version=%d", index, id, int64(future))
	}
	e.tamper(http.MethodPut, path(7), `{"id":7,"title":"from the future"}`)
	stored, err := e.engine.Read(t.Context(), index, []int64{8})
	e.check(err)
	e.tamper(http.MethodPut, path(8), string(stored[8].Source))
	e.tamper(http.MethodPut, path(900), `{"id":900,"title":"nobody made this"}`)
	e.tamper(http.MethodPut, path(9), `{}`)
	e.tamper(http.MethodDelete, fmt.Sprintf("/%s/_doc/9?version_type=external&version=%d", index, int64(future)+1), ``)
	e.tamper(http.MethodPut, "/"+index+"/_doc/10?version_type=external&version=1", `{}`, http.StatusConflict)
	e.tamper(http.MethodDelete, "/"+index+"/_doc/10", ``)
	e.tamper(http.MethodPut, "/"+index+"/_doc/10", `{"id":10,"title":"without an external version"}`)
	e.tamper(http.MethodDelete, "/"+index+"/_doc/11", ``)

	want := map[int64]Kind{7: Differs, 8: Ahead, 900: Orphan, 9: Missing, 10: Differs, 11: Missing}
	if found := e.kindsFound(); fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", found, want)
	}
	e.repaired(index, 7, 8, 9, 10, 11)
	if found := e.kindsFound(); len(found) > 0 {
		t.Errorf("found after the repair: %v", found)
	}
}

// TestForgottenDeletesAreRemembered: to replace a document whatever its version,
// the engine forgets deletes. An older change that comes late is refused all the
// same, and one that came in the meantime is undone, even if the operator dies.
func TestForgottenDeletesAreRemembered(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(60)
	index := e.run().Index
	stored, err := e.engine.Read(t.Context(), index, []int64{30, 31})
	e.check(err)
	e.exec(`DELETE FROM movies WHERE id IN (30, 31)`)
	e.check(e.rebuilder("alice").barrier(t.Context(), index))
	late := func(id int64) int {
		status, _, err := e.request(t.Context(), http.MethodPut, fmt.Sprintf("/%s/_doc/%d?version_type=external&version=%d", index, id, stored[id].Version), string(stored[id].Source))
		e.check(err)
		return status
	}
	if status := late(30); status != http.StatusConflict {
		t.Fatalf("a late change before the repair: status %d", status)
	}
	e.tamper(http.MethodPut, fmt.Sprintf("/%s/_doc/7?version_type=external&version=%d", index, int64(future)), `{"id":7,"title":"from the future"}`)
	e.killedAt("forgetting")
	e.until("the engine has forgotten", func() bool {
		e.check(e.engine.Refresh(t.Context(), index))
		return late(30) < 300
	})
	s, err := e.rebuilder("bob").Status(t.Context())
	if err != nil || s.Forgetting != index {
		t.Errorf("status after the kill: %+v, %v", s, err)
	}
	e.repaired(index, 7)
	for _, id := range []int64{30, 31} {
		if status := late(id); status != http.StatusConflict {
			t.Errorf("movie %d: a late change after the repair: status %d", id, status)
		}
	}
	e.wantSame(index)
}

// TestRoutedDocumentsAreStrays: the same id on another shard is a second
// document, which no search by id shows.
func TestRoutedDocumentsAreStrays(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			e.seed(20)
			s, err := e.rebuilder("alice").Run(t.Context(), RunOptions{Shards: shards, Replicas: -1})
			e.check(err)
			stored, err := e.engine.Read(t.Context(), s.Index, []int64{7})
			e.check(err)
			for _, routing := range []string{"a", "b", "c", "d"} {
				e.tamper(http.MethodPut, "/"+s.Index+"/_doc/7?routing="+routing, string(stored[7].Source))
			}
			if found := e.kindsFound(); found[0] != Stray {
				t.Errorf("found %v", found)
			}
			e.repaired(s.Index, 7)
		})
	}
}

func TestTheCeilingIsAboveEveryVersion(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(20)
	index := e.run().Index
	stop := e.writers()
	defer stop()
	r := e.rebuilder("alice")
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		var highest movie.Version
		e.check(e.engine.Scan(t.Context(), index, 0, 1, 1000, func(page []opensearch.Stored) error {
			for _, d := range page {
				highest = max(highest, d.Version)
			}
			return nil
		}))
		if ceiling, err := r.ceiling(t.Context()); err != nil || ceiling < highest || ceiling.Epoch() != highest.Epoch() {
			t.Fatalf("ceiling %s below %s, %v", ceiling, highest, err)
		}
	}
}
