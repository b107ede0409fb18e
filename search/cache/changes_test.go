package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/movie"
	"movies/search"
	"movies/search/cache"
)

const horizon = time.Minute

// followed is a cache whose change stream has been followed for a horizon; keep
// it up to date for some time with follow.
func followed(t *testing.T, o *origin) (c *cache.Cache, changes *cache.Changes, follow func(time.Duration)) {
	changes = cache.NewChanges(horizon)
	c = newCache(t, o, func(o *cache.Options) { o.Changes = changes })
	follow = func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			changes.Current(time.Now())
		}
		changes.Current(time.Now())
	}
	follow(horizon)
	return c, changes, follow
}

// TestStreamVouchesForMovies: while it is followed a movie is kept long, and is as
// old as the stream's last word; when it falls silent, a second.
func TestStreamVouchesForMovies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}}
		c, _, follow := followed(t, o)
		look(t, c, 1)
		follow(30 * time.Second)
		time.Sleep(300 * time.Millisecond)
		if _, age := look(t, c, 1); age != 300*time.Millisecond || o.lookups.Load() != 1 {
			t.Errorf("after 30 s: age %v, %d lookups", age, o.lookups.Load())
		}
		time.Sleep(900 * time.Millisecond) // the stream is silent for more than a second
		if _, age := look(t, c, 1); age != 0 || o.lookups.Load() != 2 {
			t.Errorf("silent: age %v, %d lookups", age, o.lookups.Load())
		}
		follow(horizon)
		look(t, c, 1)
		if n := o.lookups.Load(); n != 3 {
			t.Errorf("after the horizon: %d lookups, want 3", n)
		}
	})
}

// TestNothingIsVouchedForEarly: until the stream has been followed for a horizon,
// and again after a gap, a movie is kept for a second.
func TestNothingIsVouchedForEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}}
		c, changes, follow := followed(t, o)
		changes.Gap()
		follow(time.Second)
		look(t, c, 1)
		follow(2 * time.Second)
		look(t, c, 1)
		if n := o.lookups.Load(); n != 2 {
			t.Errorf("%d lookups 2 s apart, 1 s after a gap; want 2", n)
		}
	})
}

// TestChangeEndsAKeptMovie, at once, and by whichever id it was asked for.
func TestChangeEndsAKeptMovie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1), film(2, 1)}}
		c, changes, follow := followed(t, o)
		imdb := search.Lookup{IMDbIDs: []string{o.items[0].Movie.IMDbID}}
		look(t, c, 1, 2)
		if _, err := c.Lookup(t.Context(), imdb); err != nil {
			t.Fatal(err)
		}
		follow(5 * time.Second)
		o.set(func(o *origin) { o.items[0].Version = 7 })
		changes.Note(1, 7)
		got, _ := look(t, c, 1, 2)
		items, err := c.Lookup(t.Context(), imdb)
		if err != nil || got[0] != 7 || items[0].Version != 7 {
			t.Errorf("got versions %v and %v, want the new one", got, items)
		}
	})
}

// TestOlderFillIsNotKept: an answer that was under way when the change came, or
// that comes from a search tier that is behind the stream, ends with its request.
func TestOlderFillIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}, takes: 100 * time.Millisecond}
		c, changes, follow := followed(t, o)
		done := make(chan struct{})
		go func() { defer close(done); look(t, c, 1) }()
		synctest.Wait()
		changes.Note(1, 2) // while the old one is on its way
		<-done
		for range 2 { // the search tier is behind
			if got, _ := look(t, c, 1); got[0] != 1 {
				t.Fatalf("version %d", got[0])
			}
		}
		if n := o.lookups.Load(); n != 3 {
			t.Errorf("%d lookups, want each to reach the search tier: 3", n)
		}
		changes.Note(1, 1) // a replay of the older change moves nothing
		follow(30 * time.Second)
		if look(t, c, 1); o.lookups.Load() != 4 {
			t.Error("an older version was kept half a horizon after the change")
		}
		o.set(func(o *origin) { o.items[0].Version = movie.Version(2) })
		look(t, c, 1)
		look(t, c, 1)
		if n := o.lookups.Load(); n != 5 {
			t.Errorf("%d lookups, want the present version kept: 5", n)
		}
	})
}

// TestSearchTierFarBehind: an indexer that stood still for several horizons leaves no
// old movie behind when it has caught up.
func TestSearchTierFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}}
		c, changes, follow := followed(t, o)
		changes.Note(1, 2)
		follow(5 * horizon)
		look(t, c, 1)
		o.set(func(o *origin) { o.items[0].Version = 2 })
		follow(2 * time.Second)
		if got, _ := look(t, c, 1); got[0] != 2 {
			t.Errorf("version %d 2 s after the search tier had the next one", got[0])
		}
	})
}

// TestRepairEndsAKeptMovie: what a repair replaces may have a higher version than
// what replaces it.
func TestRepairEndsAKeptMovie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1000)}}
		c, changes, follow := followed(t, o)
		changes.Note(1, 6)
		time.Sleep(time.Millisecond)
		look(t, c, 1)
		follow(5 * time.Second)
		if look(t, c, 1); o.lookups.Load() != 1 {
			t.Fatal("not kept")
		}
		o.set(func(o *origin) { o.items[0].Version = 7 })
		changes.Note(1, 7)
		for range 2 {
			if got, _ := look(t, c, 1); got[0] != 7 {
				t.Errorf("version %d was kept after the repair", got[0])
			}
		}
		changes.Note(1, 6) // a replay
		if look(t, c, 1); o.lookups.Load() != 2 {
			t.Errorf("%d lookups, want the repaired movie kept", o.lookups.Load())
		}
	})
}

// moved is a search tier in which an IMDb id was given to another movie, and what is
// searchable does not show it yet.
type moved struct{ search.Searcher }

func (moved) Lookup(context.Context, search.Lookup) ([]search.Item, error) {
	now := film(1, 9)
	now.Movie.IMDbID = ""
	return []search.Item{now}, nil
}

// TestMovieThatLostItsIMDbID is no answer to it.
func TestMovieThatLostItsIMDbID(t *testing.T) {
	c, err := cache.New(cache.Options{Origin: moved{}, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	items, err := c.Lookup(t.Context(), search.Lookup{IMDbIDs: []string{"tt0000001"}})
	if err != nil || len(items) != 0 {
		t.Errorf("found %v, %v", items, err)
	}
}

// TestSupersededMovieStandsInForNothing: not even where the search tier fails is a
// movie given out that is known to have changed.
func TestSupersededMovieStandsInForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}}
		c, changes, _ := followed(t, o)
		look(t, c, 1)
		o.set(func(o *origin) { o.fails = movie.ErrUnavailable })
		changes.Note(1, 2)
		if _, err := c.Lookup(t.Context(), search.Lookup{IDs: []int64{1}}); err == nil {
			t.Error("an answer that is known to be wrong was given out")
		}
	})
}
