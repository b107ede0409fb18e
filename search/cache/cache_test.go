package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/movie"
	"movies/search"
	"movies/search/cache"
)

// origin is a search tier in which time is virtual. What it answers is at the
// version of the moment at which it was asked.
type origin struct {
	search.Searcher
	searches, lookups, suggests atomic.Int64

	mu      sync.Mutex
	takes   time.Duration
	fails   error
	items   []search.Item // of every search; lookups find them by id
	relaxed []string      // what every search gives up
	panic   bool
}

func (o *origin) set(change func(*origin)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *origin) work(ctx context.Context) ([]search.Item, error) {
	o.mu.Lock()
	takes, fails, items, panics := o.takes, o.fails, slices.Clone(o.items), o.panic
	o.mu.Unlock()
	if panics {
		panic("a bug")
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(takes):
	}
	return items, fails
}

func (o *origin) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	o.searches.Add(1)
	items, err := o.work(ctx)
	if err != nil {
		return nil, err
	}
	return &search.Result{Items: items, NextCursor: fmt.Sprint(o.searches.Load()), Interpreted: &search.Interpretation{Relaxed: o.relaxed}}, nil
}

func (o *origin) Suggest(ctx context.Context, _ search.SuggestRequest) (*search.Suggestions, error) {
	o.suggests.Add(1)
	_, err := o.work(ctx)
	return &search.Suggestions{Items: []search.Suggestion{{Text: fmt.Sprint(o.suggests.Load())}}}, err
}

func (o *origin) Lookup(ctx context.Context, l search.Lookup) ([]search.Item, error) {
	o.lookups.Add(1)
	items, err := o.work(ctx)
	var out []search.Item
	for _, id := range l.IDs {
		for _, i := range items {
			if i.Movie.ID == id {
				out = append(out, i)
			}
		}
	}
	for _, imdb := range l.IMDbIDs {
		for _, i := range items {
			if i.Movie.IMDbID == imdb {
				out = append(out, i)
			}
		}
	}
	return out, err
}

func film(id int64, v movie.Version) search.Item {
	return search.Item{Movie: movie.Movie{ID: id, IMDbID: fmt.Sprintf("tt%07d", id), Title: fmt.Sprint("film ", id)}, Version: v}
}

func newCache(t testing.TB, o *origin, change ...func(*cache.Options)) *cache.Cache {
	t.Helper()
	options := cache.Options{Origin: o, Metrics: prometheus.NewRegistry()}
	for _, c := range change {
		c(&options)
	}
	c, err := cache.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look looks movies up and tells their versions, and how old the answer is.
func look(t testing.TB, c *cache.Cache, ids ...int64) (versions []movie.Version, age time.Duration) {
	t.Helper()
	ctx, p := search.Trace(t.Context())
	items, err := c.Lookup(ctx, search.Lookup{IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		versions = append(versions, i.Version)
	}
	asOf, _ := p.AsOf()
	return versions, time.Since(asOf)
}

// find searches, and tells which of the origin's searches answered.
func find(t testing.TB, c *cache.Cache, text string) (answer string, age time.Duration, stale bool) {
	t.Helper()
	ctx, p := search.Trace(t.Context())
	res, err := c.Search(ctx, search.Request{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	asOf, stale := p.AsOf()
	return res.NextCursor, time.Since(asOf), stale
}

// TestBoundsOfSearch follows one answer through its life: given out, renewed
// behind the answer, and asked for anew.
func TestBoundsOfSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}, takes: 100 * time.Millisecond}
		c := newCache(t, o)
		step := func(after time.Duration, want string, wantAge time.Duration, searches int64) {
			t.Helper()
			time.Sleep(after)
			answer, age, _ := find(t, c, "alien")
			synctest.Wait()
			if answer != want || age != wantAge || o.searches.Load() != searches {
				t.Errorf("answer %s of age %v, %d searches; want %s, %v, %d", answer, age, o.searches.Load(), want, wantAge, searches)
			}
		}
		const ms = time.Millisecond
		step(0, "1", 100*ms, 1)
		step(1800*ms, "1", 1900*ms, 1)
		step(100*ms, "1", 2000*ms, 2) // is renewed while it is given out
		step(50*ms, "1", 2050*ms, 2)
		step(60*ms, "2", 110*ms, 2)
		step(9800*ms, "2", 9910*ms, 3)
		time.Sleep(time.Second)
		step(20*time.Second, "4", 100*ms, 4) // too old to be given out
	})
}

// TestAnswersInWantOfABetterOneAreShortLived: what found nothing, or something by
// giving up a word, is asked for again after a second.
func TestAnswersInWantOfABetterOneAreShortLived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, relaxed := &origin{}, &origin{items: []search.Item{film(1, 1)}, relaxed: []string{"zzz left out"}}
		c, r := newCache(t, o), newCache(t, relaxed)
		for i, want := range []string{"1", "1", "2", "2"} {
			for _, c := range []*cache.Cache{c, r} {
				if answer, age, _ := find(t, c, "zzz"); answer != want || age >= time.Second {
					t.Errorf("question %d: answer %s of age %v, want %s", i+1, answer, age, want)
				}
			}
			if i%2 == 0 {
				time.Sleep(400 * time.Millisecond)
			} else {
				time.Sleep(time.Second)
			}
		}
		if versions, _ := look(t, c, 9); versions != nil {
			t.Errorf("found %v", versions)
		}
		look(t, c, 9)
		if n := o.lookups.Load(); n != 1 {
			t.Errorf("%d lookups for one movie that does not exist", n)
		}
	})
}

// TestMoviesAreKeptForASecond, without a change stream, alone and with others.
func TestMoviesAreKeptForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1), film(2, 1), film(3, 1)}}
		c := newCache(t, o)
		look(t, c, 1)
		time.Sleep(300 * time.Millisecond)
		o.set(func(o *origin) { o.items[0].Version = 2 })
		got, age := look(t, c, 3, 1, 2, 1, 9)
		if want := []movie.Version{1, 1, 1}; !slices.Equal(got, want) || age != 300*time.Millisecond || o.lookups.Load() != 2 {
			t.Errorf("got %v of age %v after %d lookups", got, age, o.lookups.Load())
		}
		time.Sleep(700 * time.Millisecond)
		if got, age := look(t, c, 1); got[0] != 2 || age != 0 {
			t.Errorf("a second later: version %d of age %v", got[0], age)
		}
	})
}

// TestOneFlightPerQuestion: many ask at once, in many spellings, and the origin is
// asked once; whoever leaves does not take the others' answer along.
func TestOneFlightPerQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}, takes: time.Second}
		c := newCache(t, o)
		impatient, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Search(impatient, search.Request{Text: "the alien", Genres: []string{"Horror", "drama"}}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient got %v", err)
			}
		})
		synctest.Wait()
		for _, r := range []search.Request{
			{Text: " The  ALIEN", Genres: []string{"drama", "horror", "Drama "}, Limit: 20},
			{Text: "the alien", Genres: []string{"DRAMA", "horror"}, Sort: search.Sort{Key: search.SortRelevance}},
		} {
			for range 50 {
				all.Go(func() {
					if res, err := c.Search(t.Context(), r); err != nil || res.NextCursor != "1" {
						t.Errorf("got %v, %v", res, err)
					}
				})
			}
		}
		all.Wait()
		if n := o.searches.Load(); n != 1 {
			t.Errorf("%d searches for one question", n)
		}
	})
}

// TestStaleIfError: what was kept stands in for a search tier that fails or is too
// slow, for a bounded time, and says so. Wrong questions get their error.
func TestStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}}
		c := newCache(t, o)
		find(t, c, "alien")
		look(t, c, 1)
		time.Sleep(time.Minute)
		o.set(func(o *origin) { o.fails = fmt.Errorf("%w: gone", movie.ErrUnavailable) })
		if answer, age, stale := find(t, c, "alien"); answer != "1" || age != time.Minute || !stale {
			t.Errorf("got %s of age %v, stale %v", answer, age, stale)
		}
		if got, age := look(t, c, 1); got[0] != 1 || age != time.Minute {
			t.Errorf("got %v of age %v", got, age)
		}
		o.set(func(o *origin) { o.fails, o.takes = nil, time.Hour })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if res, err := c.Search(ctx, search.Request{Text: "alien"}); err != nil || res.NextCursor != "1" {
			t.Errorf("slow: got %v, %v", res, err)
		}
		time.Sleep(cache.StaleIfError)
		if _, err := c.Search(t.Context(), search.Request{Text: "alien"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too old: got %v", err)
		}
		if _, err := c.Search(t.Context(), search.Request{Text: "other"}); err == nil {
			t.Error("a question not asked before got an answer")
		}
		o.set(func(o *origin) { o.takes, o.fails = 0, movie.Invalid("cursor", "is damaged") })
		if _, err := c.Search(t.Context(), search.Request{Text: "alien"}); !errors.Is(err, movie.ErrInvalid) {
			t.Errorf("a wrong question got %v", err)
		}
	})
}

// TestErrorsAreNotKept, and a panic is an error of its question alone.
func TestErrorsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &origin{items: []search.Item{film(1, 1)}, panic: true}
		c := newCache(t, o)
		if _, err := c.Search(t.Context(), search.Request{Text: "x"}); err == nil {
			t.Error("a panic gave an answer")
		}
		o.set(func(o *origin) { o.panic = false })
		if answer, _, _ := find(t, c, "x"); answer != "2" {
			t.Errorf("got %s", answer)
		}
	})
}

// TestWhatIsNotKept: personal questions and those that ask for the newest.
func TestWhatIsNotKept(t *testing.T) {
	o := &origin{items: []search.Item{film(1, 1)}}
	c := newCache(t, o)
	for range 2 {
		_, _ = c.Search(t.Context(), search.Request{Text: "x", Only: []int64{1}})
		_, _ = c.Search(search.PastCaches(t.Context()), search.Request{Text: "x"})
		_, _ = c.Lookup(search.PastCaches(t.Context()), search.Lookup{IDs: []int64{1}})
		_, _ = c.Suggest(search.PastCaches(t.Context()), search.SuggestRequest{Text: "x"})
	}
	if s, l, g := o.searches.Load(), o.lookups.Load(), o.suggests.Load(); s != 4 || l != 2 || g != 2 {
		t.Errorf("%d searches, %d lookups, %d suggestions reached the origin; want all: 4, 2, 2", s, l, g)
	}
}

// TestMemoryIsBounded by weight, whatever is asked.
func TestMemoryIsBounded(t *testing.T) {
	const bound = 1 << 20
	o := &origin{items: []search.Item{film(1, 1), film(2, 1)}}
	registry := prometheus.NewRegistry()
	c := newCache(t, o, func(o *cache.Options) { o.Bytes, o.Metrics = bound, registry })
	for i := range 10_000 {
		find(t, c, fmt.Sprint("question ", i))
	}
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		kept := gauge(t, registry, "movies_cache_bytes")
		if kept > 0 && kept <= bound {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%.0f bytes are kept, the bound is %d", kept, bound)
		}
	}
}

// counter is the value of a counter's one label value.
func counter(t testing.TB, g prometheus.Gatherer, name, label string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func gauge(t testing.TB, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
