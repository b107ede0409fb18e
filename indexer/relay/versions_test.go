package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
	"movies/internal/postgres"
)

// written is the revision that a transaction gave a movie.
type written struct {
	xid      uint64
	movie    int64
	revision int64
}

// Writers change a few movies and what belongs to them, in transactions that
// overlap and commit late, while the relay is cut off again and again. A second
// slot tells the true order of commits. Then every event must contain every change
// to its movie committed at or before its version.
func TestVersionsTellTheTruth(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.exec("INSERT INTO movies (id, title) SELECT n, 'movie' FROM generate_series(1, 12) n")
	r.exec("INSERT INTO people (id, name) SELECT n, 'person' FROM generate_series(1, 5) n")
	r.exec("INSERT INTO genres (id, name) SELECT n, 'genre ' || n FROM generate_series(1, 5) n")
	oracle := r.oracle()
	r.start()
	r.start()
	r.confirmed()

	ctx, stop := context.WithTimeout(t.Context(), 6*time.Second)
	defer stop()
	var (
		mu      sync.Mutex
		all     []written
		writers sync.WaitGroup
	)
	for n := range 6 {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		writers.Go(func() {
			for ctx.Err() == nil {
				w := r.writeSomething(random)
				mu.Lock()
				all = append(all, w...)
				mu.Unlock()
			}
		})
	}
	for ctx.Err() == nil {
		<-time.After(700 * time.Millisecond)
		r.exec("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1", r.slot)
	}
	writers.Wait()
	r.confirmed()
	r.sameAsDatabase()

	commits := oracle()
	if len(commits) < 50 {
		t.Fatalf("only %d commits in the WAL", len(commits))
	}
	r.checkVersions(commits, all)
}

// checkVersions compares every event with the commits before its version.
func (r *rig) checkVersions(commits map[uint64]movie.Commit, all []written) {
	r.t.Helper()
	late, checked := 0, 0
	for _, e := range r.events() {
		if e.Movie == nil {
			continue
		}
		for _, w := range all {
			c, known := commits[w.xid]
			if !known {
				r.t.Fatalf("transaction %d is not in the WAL", w.xid)
			}
			if w.movie != e.ID || c.LSN > e.Version.LSN() {
				continue
			}
			checked++
			if e.Movie.Revision < w.revision {
				late++
				r.t.Errorf("movie %d at version %v has revision %d and lacks %d, committed at %s",
					e.ID, e.Version, e.Movie.Revision, w.revision, movie.FormatLSN(c.LSN))
			}
		}
		if late > 5 {
			r.t.FailNow()
		}
	}
	if checked < 100 {
		r.t.Fatalf("only %d pairs of event and change were compared", checked)
	}
}

// oracle reads the commits from a slot of its own. The function that it returns
// gives all of them, by transaction id.
func (r *rig) oracle() func() map[uint64]movie.Commit {
	r.t.Helper()
	c, err := postgres.NewCapture(r.url, r.slot+"_oracle", discard)
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := c.Acquire(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	commits := make(map[uint64]movie.Commit)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range s.Commits() {
			commits[c.XID] = c
		}
	}()
	stop := sync.OnceFunc(func() { _ = s.Close(); c.Close() })
	r.t.Cleanup(stop)
	return func() map[uint64]movie.Commit {
		r.t.Helper()
		last := r.query("WITH x AS (UPDATE movies SET votes = votes + 1 WHERE id = 1) SELECT pg_current_xact_id()::text")
		<-time.After(2 * time.Second)
		stop()
		<-done
		var xid uint64
		if _, err := fmt.Sscan(last, &xid); err != nil || commits[xid].LSN == 0 {
			r.t.Fatalf("the oracle has not seen transaction %s", last)
		}
		return commits
	}
}

// writeSomething runs one transaction and gives the revisions it has made.
func (r *rig) writeSomething(random *rand.Rand) (w []written) {
	ctx := context.WithoutCancel(r.t.Context())
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		w = nil
		first := int64(1 + random.IntN(12))
		for _, id := range []int64{first, first + int64(random.IntN(3))} { // ascending, against deadlocks
			for _, sql := range changes(random, id) {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
			}
			if random.IntN(3) == 0 {
				<-time.After(time.Duration(random.IntN(30)) * time.Millisecond)
			}
			var x written
			err := tx.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint, id, revision FROM movies WHERE id = $1", id).
				Scan(&x.xid, &x.movie, &x.revision)
			if errors.Is(err, pgx.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			w = append(w, x)
		}
		return nil
	})
	if err != nil { // a conflict between writers: nothing was committed
		return nil
	}
	return w
}

// changes are statements about one movie, all of which give it a new revision.
func changes(random *rand.Rand, id int64) []string {
	n := random.IntN(1000)
	all := []string{
		fmt.Sprintf("UPDATE movies SET title = 'title %d', year = 1900 + %d WHERE id = %d", n, n%100, id),
		fmt.Sprintf("INSERT INTO akas (movie_id, title) SELECT id, 'aka %d' FROM movies WHERE id = %d AND (SELECT count(*) FROM akas WHERE movie_id = %d) < 20", n, id, id),
		fmt.Sprintf("DELETE FROM akas WHERE movie_id = %d", id),
		fmt.Sprintf("INSERT INTO credits (movie_id, person_id) SELECT id, 1 + %d %% 5 FROM movies WHERE id = %d AND (SELECT count(*) FROM credits WHERE movie_id = %d) < 20", n, id, id),
		fmt.Sprintf("DELETE FROM credits WHERE movie_id = %d AND person_id = 1 + %d %% 5", id, n),
		fmt.Sprintf("DELETE FROM movie_genres WHERE movie_id = %d; INSERT INTO movie_genres (movie_id, genre_id) SELECT id, 1 + %d %% 5 FROM movies WHERE id = %d", id, n, id),
		fmt.Sprintf("UPDATE people SET name = 'person %d' WHERE id = 1 + %d %% 5", n, n),
	}
	picked := []string{all[0]} // so that there is always a new revision
	for range random.IntN(3) {
		picked = append(picked, all[random.IntN(len(all))])
	}
	return picked
}
