package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"movies/internal/movie"
	"movies/internal/postgres"
)

// However many people rate a movie, it changes once per batch; and what is
// folded is what a count over all ratings gives.
func TestRatingsAreFoldedInBatches(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	c, err := postgres.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO movies (title, rating, votes) VALUES ('hot', 5, 10), ('cold', NULL, 0), ('gone', 5, 10)`)
	w := newWAL(t, url)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for _, id := range []int64{1, 3} {
				if err := c.Rate(t.Context(), fmt.Sprint("u", i), id, float64(i%11)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := c.Rate(t.Context(), "u1", 2, 7.5); err != nil {
		t.Error(err)
	}
	if err := c.Unrate(t.Context(), "u0", 1); err != nil {
		t.Error(err)
	}
	if got := describe(w.next(t)); got != "" {
		t.Errorf("before the batch: %s", got)
	}
	exec(t, conn, `DELETE FROM movies WHERE id = 3`)
	w.next(t)
	if n, err := c.FoldRatings(t.Context()); err != nil || n != 42 {
		t.Errorf("folded %d changes, %v; want 42", n, err)
	}
	if got := describe(w.next(t)); got != "[1,2]" {
		t.Errorf("the batch sends %s", got)
	}
	var sum, votes float64
	for i := 1; i < 40; i++ {
		sum, votes = sum+float64(i%11), votes+1
	}
	got, err := c.Documents(t.Context(), []int64{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := (50 + sum) / (10 + votes); got[0].Votes != 49 || got[0].Rating < want-0.006 || got[0].Rating > want+0.006 || got[0].Revision != 1 {
		t.Errorf("got %v of %d votes at revision %d, want %v of 49", got[0].Rating, got[0].Votes, got[0].Revision, want)
	}
	if got[1].Rating != 7.5 || got[1].Votes != 1 {
		t.Errorf("without imported figures: %v of %d", got[1].Rating, got[1].Votes)
	}
	if n, err := c.FoldRatings(t.Context()); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	if got := describe(w.next(t)); got != "" {
		t.Errorf("again it sends %s", got)
	}
	exec(t, conn, `UPDATE movies SET id = 9 WHERE id = 1`)
	w.next(t)
	if err := c.Forget(t.Context(), "u5"); err != nil {
		t.Error(err)
	}
	if _, err := c.FoldRatings(t.Context()); err != nil {
		t.Error(err)
	}
	const counted = `SELECT (t.votes, t.tenths) = (SELECT count(*), sum(tenths) FROM ratings WHERE movie_id = 9) FROM rating_totals t WHERE movie_id = 9`
	if !queryOne[bool](t, conn, counted) {
		t.Error("after the movie got another id the totals are wrong")
	}
}

// Editors, raters, deleters and the batch at once: nothing deadlocks for good,
// and the totals are right in the end.
func TestFoldBesideEditsAndDeletes(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	c, err := postgres.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO movies (title) SELECT 'm' FROM generate_series(1, 20)`)
	var all sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	for i := range 4 {
		all.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				id := int64(1 + (n*7+i)%20)
				err := c.Rate(t.Context(), fmt.Sprint("u", i), id, float64(n%11))
				if err != nil && !isGone(err) {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for n := 0; time.Now().Before(end); n++ {
			m, err := c.Movie(t.Context(), int64(1+n%20))
			if err == nil {
				m.Title = fmt.Sprint(n)
				_, err = c.Replace(t.Context(), m, movie.Edit{By: "e", Revision: m.Revision})
			}
			if err != nil && !isGone(err) {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for id := int64(20); time.Now().Before(end) && id > 10; id-- {
			m, err := c.Movie(t.Context(), id)
			if err == nil {
				err = c.Delete(t.Context(), id, movie.Edit{By: "e", Revision: m.Revision})
			}
			if err != nil && !isGone(err) {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for time.Now().Before(end) {
			if _, err := c.FoldRatings(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	if _, err := c.FoldRatings(t.Context()); err != nil {
		t.Error(err)
	}
	const wrong = `SELECT count(*) FROM (SELECT movie_id, count(*) AS votes, sum(tenths) AS tenths FROM ratings GROUP BY movie_id) AS r
		FULL JOIN rating_totals t USING (movie_id) WHERE (r.votes, r.tenths) IS DISTINCT FROM (t.votes, t.tenths)`
	if n := queryOne[int64](t, conn, wrong); n != 0 {
		t.Errorf("%d totals are wrong", n)
	}
	if n := queryOne[int64](t, conn, `SELECT count(*) FROM rating_totals`); n < 5 {
		t.Errorf("only %d movies were rated", n)
	}
}

// isGone tells whether the movie was deleted, or changed, in between.
func isGone(err error) bool {
	return errors.Is(err, movie.ErrNotFound) || errors.Is(err, movie.ErrConflict)
}
