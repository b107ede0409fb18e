package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"movies/search/opensearch"
)

// hot are the movies that change all the time and are watched.
const hot = 20

// observe reads the hot movies through the alias, by search and by id, again and
// again, and fails the test when a read fails or a movie goes backwards: to a
// lower revision, or away. The returned function ends it.
func (e *env) observe() (stop func()) {
	var reads atomic.Int64
	ids := make([]string, hot)
	for i := range ids {
		ids[i] = fmt.Sprint(i + 1)
	}
	quoted, err := json.Marshal(ids)
	e.check(err)
	alias := "/" + e.indices + "movies"
	ctx, cancel := context.WithCancel(e.Context())
	var wg sync.WaitGroup
	for _, way := range []struct{ path, body string }{
		{alias + "/_search", fmt.Sprintf(`{"size":%d,"query":{"ids":{"values":%s}},"_source":["id","revision"]}`, hot, quoted)},
		{alias + "/_mget?_source=id,revision", fmt.Sprintf(`{"ids":%s}`, quoted)},
	} {
		wg.Go(func() {
			seen := make(map[int64]int64)
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil && !e.Failed() {
				<-pace.C
				e.look(ctx, way.path, way.body, seen)
				reads.Add(1)
			}
		})
	}
	end := sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if n := reads.Load(); n < 20 {
			e.Errorf("only %d reads were made: nothing was watched", n)
		}
	})
	e.Cleanup(end)
	return end
}

// look reads once and compares with what was seen before.
func (e *env) look(ctx context.Context, path, body string, seen map[int64]int64) {
	type document struct {
		Index  string                       `json:"_index"`
		Source struct{ ID, Revision int64 } `json:"_source"`
	}
	var answer struct {
		Hits struct{ Hits []document }
		Docs []document
	}
	status, text, err := e.request(ctx, http.MethodPost, path, body)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil || status != http.StatusOK:
		e.Errorf("a read failed: %d %s %v", status, text, err)
		return
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		e.Error(err)
		return
	}
	found := make(map[int64]bool)
	for _, d := range append(answer.Hits.Hits, answer.Docs...) {
		id, revision := d.Source.ID, d.Source.Revision
		found[id] = true
		if revision < seen[id] {
			e.Errorf("movie %d went backwards, from revision %d to %d in %s (%s)", id, seen[id], revision, d.Index, path)
		}
		seen[id] = revision
	}
	for id := range seen {
		if id != 0 && !found[id] {
			e.Errorf("movie %d went away (%s)", id, path)
		}
	}
}

// writers change movies until the returned function is called: the hot ones, and
// others that come and go.
func (e *env) writers() (stop func()) {
	ctx, cancel := context.WithCancel(e.Context())
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				if err := e.writeSomething(ctx, r); err != nil && ctx.Err() == nil {
					e.Error(err)
					return
				}
			}
		})
	}
	end := sync.OnceFunc(func() { cancel(); wg.Wait() })
	e.Cleanup(end)
	return end
}

func (e *env) writeSomething(ctx context.Context, r *rand.Rand) error {
	var err error
	switch r.IntN(10) {
	case 0:
		_, err = e.sql.Exec(ctx, `DELETE FROM movies WHERE id = $1`, 100+r.IntN(200))
	case 1:
		_, err = e.sql.Exec(ctx, `INSERT INTO movies (id, title) VALUES ($1, 'new') ON CONFLICT (id) DO UPDATE SET votes = movies.votes + 1`, 100+r.IntN(400))
	case 2:
		_, err = e.sql.Exec(ctx, `UPDATE people SET name = name || '.' WHERE id = $1 AND length(name) < 100`, 1+r.IntN(50))
	default:
		_, err = e.sql.Exec(ctx, `UPDATE movies SET votes = votes + 1 WHERE id = $1`, 1+r.IntN(hot))
	}
	return err
}

// TestNobodyNotices rebuilds, swaps, and rolls back under writers and observers.
func TestNobodyNotices(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(300)
	first := e.run()
	watch := e.observe()
	stop := e.writers()
	second := e.run()
	if _, to, err := e.rebuilder("alice").Rollback(t.Context()); err != nil || to != first.Index {
		t.Fatalf("rollback to %q: %v", to, err)
	}
	if _, to, err := e.rebuilder("alice").Rollback(t.Context()); err != nil || to != second.Index {
		t.Fatalf("rollback of the rollback, to %q: %v", to, err)
	}
	stop()
	watch()
	e.wantSame(first.Index)
	e.wantSame(second.Index)
}

// TestTheSwapWaitsForWhatReadersHaveSeen lets the new index fall behind at the
// worst moment: a change is applied by the old index, and shown, when the new one
// has just been found to be up to date.
func TestTheSwapWaitsForWhatReadersHaveSeen(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(100)
	first := e.run().Index
	r := e.rebuilder("alice")
	watch := func() {}
	delayed := make(chan struct{})
	once := false
	r.reached = func(at string) {
		if at != "about to hold" || once {
			return
		}
		once = true
		status, err := r.Status(t.Context())
		e.check(err)
		second := status.Run.Index
		e.check(e.engine.UpdateAliases(t.Context(), opensearch.AliasAction{Alias: opensearch.WriteAlias(second), Index: second, Remove: true}))
		e.exec(`UPDATE movies SET votes = votes + 1 WHERE id <= $1`, hot)
		e.check(r.barrier(t.Context(), first)) // the old index shows it now
		watch = e.observe()
		go func() {
			defer close(delayed)
			select { // the new index stays behind for longer than a hold
			case <-t.Context().Done():
			case <-time.After(3 * holdLimit):
			}
			e.check(r.unhold(t.Context(), second))
		}()
	}
	s, err := r.Run(t.Context(), defaults)
	if err != nil || !once || e.reading() != s.Index {
		t.Fatalf("got %+v, %v", s, err)
	}
	<-delayed
	watch()
	e.wantSame(s.Index)
	e.wantSame(first)
}
