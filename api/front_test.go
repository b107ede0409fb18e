package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"movies/api"
	"movies/internal/movie"
	"movies/internal/telemetry"
	"movies/search"
)

// dated is a searcher whose answers say when they were given: the movie's runtime
// is the milliseconds since it was made. It may be behind, as a cache is.
type dated struct {
	made   time.Time
	asked  atomic.Int64
	behind time.Duration
	stale  bool
	empty  bool
}

func (d *dated) items(ctx context.Context) []search.Item {
	d.asked.Add(1)
	asOf := time.Now().Add(-d.behind)
	search.Report(ctx, asOf, d.stale)
	if d.empty {
		return nil
	}
	m := movie.Movie{ID: 1, Title: strings.Repeat("Alien ", 400), Runtime: int(asOf.Sub(d.made).Milliseconds())}
	return []search.Item{{Movie: m, Version: 1}}
}

func (d *dated) Search(ctx context.Context, _ search.Request) (*search.Result, error) {
	return &search.Result{Items: d.items(ctx)}, nil
}

func (d *dated) Lookup(ctx context.Context, _ search.Lookup) ([]search.Item, error) {
	return d.items(ctx), nil
}

func (d *dated) Suggest(ctx context.Context, _ search.SuggestRequest) (*search.Suggestions, error) {
	_ = d.items(ctx)
	return &search.Suggestions{Items: []search.Suggestion{{Text: "x"}}}, nil
}

// newHandler is the API without a network.
func newHandler(t testing.TB, searcher search.Searcher, change ...func(*api.Options)) http.Handler {
	t.Helper()
	o := api.Options{Searcher: searcher, Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewRegistry()}
	for _, c := range change {
		c(&o)
	}
	h, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func askHandler(h http.Handler, method, address string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestFinishedAnswersAreBounded asks for a while and compares what is shown with
// the time: no answer is older than its bound, nor younger than its Age says, and
// few questions are asked for it. What the searcher gives is older already.
func TestFinishedAnswersAreBounded(t *testing.T) {
	for _, c := range []struct {
		address       string
		behind, bound time.Duration
	}{
		{"/v1/movies?q=alien", 0, 10 * time.Second},
		{"/v1/movies?q=alien", 1500 * time.Millisecond, 10 * time.Second},
		{"/v1/movies/1", 0, time.Second},
		{"/v1/movies/1", 300 * time.Millisecond, time.Second},
		{"/v1/movies?ids=1,2", 0, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &dated{made: time.Now().Add(-time.Hour), behind: c.behind}
			h := newHandler(t, d)
			const step, steps = 20 * time.Millisecond, 1500
			for range steps {
				w := askHandler(h, http.MethodGet, c.address)
				_, shown, _ := strings.Cut(w.Body.String(), `"runtime":`)
				shown, _, _ = strings.Cut(shown, "}")
				ms, err := strconv.Atoi(shown)
				if err != nil {
					t.Fatalf("%v in %s", err, w.Body)
				}
				age := time.Since(d.made.Add(time.Duration(ms) * time.Millisecond))
				told, err := strconv.Atoi(w.Header().Get("Age"))
				if err != nil || age >= c.bound || age > time.Duration(told)*time.Second+100*time.Millisecond || time.Duration(told)*time.Second > age+time.Second {
					t.Fatalf("%s: an answer of age %v says %q (%v), the bound is %v", c.address, age, w.Header().Get("Age"), err, c.bound)
				}
				time.Sleep(step)
			}
			if n := d.asked.Load(); n > steps/10 {
				t.Errorf("%s: %d questions for %d requests in %v", c.address, n, steps, step*steps)
			}
		})
	}
}

// TestEmptyAnswersAreForgottenSoon: for a page, too, what is not found is asked for
// again after a second, by us and by whoever is on the way.
func TestEmptyAnswersAreForgottenSoon(t *testing.T) {
	for _, address := range []string{"/v1/movies?q=zzz", "/?q=zzz"} {
		synctest.Test(t, func(t *testing.T) {
			d := &dated{made: time.Now(), empty: true}
			h := newHandler(t, d)
			first := askHandler(h, http.MethodGet, address)
			if policy := first.Header().Get("Cache-Control"); first.Code != http.StatusOK || policy != "public, max-age=1, stale-while-revalidate=0" {
				t.Errorf("%s: %d, Cache-Control %q", address, first.Code, policy)
			}
			askHandler(h, http.MethodGet, address)
			if n := d.asked.Load(); n != 1 {
				t.Errorf("%s: asked %d times at once", address, n)
			}
			time.Sleep(time.Second)
			askHandler(h, http.MethodGet, address)
			if n := d.asked.Load(); n != 2 {
				t.Errorf("%s: asked %d times a second apart", address, n)
			}
		})
	}
}

// beside is a searcher whose searches are behind, as a cache's are, and whose
// lookups are not.
type beside struct{ *dated }

func (b beside) Search(ctx context.Context, _ search.Request) (*search.Result, error) {
	search.Report(ctx, time.Now().Add(-b.behind), false)
	return &search.Result{}, nil
}

func (b beside) Lookup(ctx context.Context, _ search.Lookup) ([]search.Item, error) {
	b.asked.Add(1)
	return []search.Item{{Movie: movie.Movie{ID: 1, Title: "Alien"}}}, nil
}

// TestPageOfAMovieIsAsNewAsTheMovie, though what is like it may be as old as a search.
func TestPageOfAMovieIsAsNewAsTheMovie(t *testing.T) {
	for behind, kept := range map[time.Duration]time.Duration{
		0: time.Second, 8900 * time.Millisecond: time.Second, 9700 * time.Millisecond: 300 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := beside{&dated{behind: behind}}
			h := newHandler(t, b)
			first := askHandler(h, http.MethodGet, "/movies/1")
			if policy := first.Header().Get("Cache-Control"); first.Code != http.StatusOK || policy != "public, max-age=0, s-maxage=1, stale-while-revalidate=0" {
				t.Fatalf("%d, Cache-Control %q", first.Code, policy)
			}
			time.Sleep(kept/2 - time.Millisecond)
			if askHandler(h, http.MethodGet, "/movies/1"); b.asked.Load() != 1 {
				t.Errorf("others %v old: not kept", behind)
			}
			time.Sleep(kept/2 + time.Millisecond)
			if askHandler(h, http.MethodGet, "/movies/1"); b.asked.Load() != 2 {
				t.Errorf("others %v old: kept for more than %v", behind, kept)
			}
		})
	}
}

// TestFinishedAnswersAreTheSame as those that the handlers give, header by header,
// for every method and encoding.
func TestFinishedAnswersAreTheSame(t *testing.T) {
	// The compressor's first use has to be outside of virtual time.
	askHandler(newHandler(t, &dated{}), http.MethodGet, "/openapi.json", "Accept-Encoding: zstd")
	synctest.Test(t, func(t *testing.T) {
		d := &dated{made: time.Now()}
		h := newHandler(t, d)
		for _, address := range []string{"/v1/movies?q=alien", "/v1/movies/1", "/movies/1", "/v1/movies/1/similar"} {
			for _, headers := range [][]string{{}, {"Accept-Encoding: gzip"}, {"Accept-Encoding: zstd"}, {"If-None-Match: *"}} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					time.Sleep(time.Minute)
					first := askHandler(h, method, address, headers...)
					asked := d.asked.Load()
					second := askHandler(h, method, address, headers...)
					if d.asked.Load() != asked {
						t.Errorf("%s %s %v: asked again at once", method, address, headers)
					}
					first.Header().Del("X-Request-Id")
					second.Header().Del("X-Request-Id")
					if first.Code != second.Code || first.Body.String() != second.Body.String() || fmt.Sprint(first.Header()) != fmt.Sprint(second.Header()) {
						t.Errorf("%s %s %v: first %d %v, then %d %v", method, address, headers, first.Code, first.Header(), second.Code, second.Header())
					}
				}
			}
		}
	})
}

// TestWhatIsNotFinished: errors, answers for want of better ones, questions for the
// newest, and traces that somebody records take the long way every time.
func TestWhatIsNotFinished(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		d       *dated
		headers []string
		status  int
	}{
		"stale":        {"/v1/movies?q=x", &dated{behind: time.Minute, stale: true}, nil, 200},
		"min_revision": {"/v1/movies/1?min_revision=0001", &dated{}, nil, 412},
		"traced":       {"/v1/movies/1", &dated{}, []string{"Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, 200},
		"not found":    {"/v1/movies/1", &dated{empty: true}, nil, 404},
	} {
		h := newHandler(t, c.d, func(o *api.Options) { o.RevisionWait = time.Millisecond })
		before := int64(0)
		for range 3 {
			w := askHandler(h, http.MethodGet, c.address, c.headers...)
			if w.Code != c.status {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if n := c.d.asked.Load(); n == before {
				t.Errorf("%s: not asked again", name)
			} else {
				before = n
			}
			if marked := w.Header().Get("Cache-Status") != ""; marked != c.d.stale || marked && w.Header().Get("Age") != "60" {
				t.Errorf("%s: Cache-Status %q, Age %q", name, w.Header().Get("Cache-Status"), w.Header().Get("Age"))
			}
		}
	}
}

// TestPersonalAnswersAreNotFinished: one person's list is not shown to the next who
// asks the same address, nor to anybody who is not signed in.
func TestPersonalAnswersAreNotFinished(t *testing.T) {
	t.Parallel()
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts)
	for range 2 {
		a := s.get("/v1/movies?watchlist=true", "Authorization: Bearer "+people.user)
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "private, no-store" || a.header.Get("Age") != "" {
			t.Fatalf("%d %v", a.status, a.header)
		}
		s.get("/v1/movies?watchlist=true").mustFail(t, http.StatusUnauthorized)
	}
}

// TestLimitsApplyToFinishedAnswers: a client beyond its rate is refused what is kept
// too.
func TestLimitsApplyToFinishedAnswers(t *testing.T) {
	h := newHandler(t, &dated{made: time.Now()}, func(o *api.Options) { o.Limits = api.Limits{PerClient: 0.001, Burst: 3} })
	for i, want := range []int{200, 200, 200, 429, 429} {
		w := askHandler(h, http.MethodGet, "/v1/movies/1")
		if w.Code != want || w.Header().Get("RateLimit-Limit") != "3" {
			t.Errorf("request %d: %d %v", i+1, w.Code, w.Header())
		}
		if want == 429 && (w.Header().Get("Age") != "" || w.Header().Get("Cache-Control") != "no-store") {
			t.Errorf("a refusal has the headers of an answer: %v", w.Header())
		}
	}
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header             { return d.h }
func (d discard) Write(b []byte) (int, error)     { return len(b), nil }
func (d discard) WriteHeader(int)                 {}
func (d discard) reset()                          { clear(d.h) }
func (d discard) WriteString(string) (int, error) { return 0, nil }

// TestFinishedAnswersCostFewAllocations: single digits, whatever is asked.
func TestFinishedAnswersCostFewAllocations(t *testing.T) {
	h := newHandler(t, &dated{made: time.Now()})
	for address, headers := range map[string][]string{
		"/v1/movies/1":       {"Accept-Encoding: gzip, deflate, br, zstd"},
		"/v1/movies?q=alien": {"Accept-Encoding: gzip", `If-None-Match: "a", "b"`},
		"/movies/1":          {},
	} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			r.Header.Set(name, value)
		}
		w := discard{http.Header{}}
		per := testing.AllocsPerRun(200, func() { w.reset(); h.ServeHTTP(w, r) })
		t.Logf("%s: %.1f allocations", address, per)
		if per > 9 {
			t.Errorf("%s: %.1f allocations for a finished answer", address, per)
		}
	}
}
