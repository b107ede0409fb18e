package workload_test

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"movies/api"
	"movies/deploy/bench/workload"
	"movies/internal/movie"
	"movies/search"
)

func newWorkload(t *testing.T, o workload.Options) *workload.Workload {
	t.Helper()
	w, err := workload.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestSameSeedSameRequests, of distinct questions of every kind.
func TestSameSeedSameRequests(t *testing.T) {
	t.Parallel()
	o := workload.Options{Movies: 5_000, Seed: 1, Questions: 5_000, Unique: .1}
	a, b := newWorkload(t, o).Stream(3), newWorkload(t, o).Stream(3)
	seen := map[string]int{}
	for range 20_000 {
		x, y := a.Next(), b.Next()
		if x != y {
			t.Fatalf("%v and %v", x, y)
		}
		u, err := url.Parse(x.Path)
		if err != nil {
			t.Fatal(err)
		}
		kind := u.Path
		for _, name := range []string{"q", "facets", "ids", "genre", "person", "sort"} {
			if u.Query().Has(name) {
				kind += " " + name
			}
		}
		if strings.HasPrefix(kind, "/v1/movies/") {
			kind = "lookup"
		}
		seen[kind]++
	}
	for _, kind := range []string{"lookup", "/v1/movies q", "/v1/suggest q", "/v1/movies genre", "/v1/movies q facets", "/v1/movies ids", "/v1/movies genre sort"} {
		if seen[kind] < 20 {
			t.Errorf("%s: %d of 20,000; all: %v", kind, seen[kind], seen)
		}
	}
}

// TestFrequencies: Zipf among what repeats; what does not repeat never does, also
// in another stream.
func TestFrequencies(t *testing.T) {
	t.Parallel()
	const requests, questions = 200_000, 10_000
	w := newWorkload(t, workload.Options{Movies: 20_000, Seed: 2, Questions: questions, Unique: .1})
	count, unique := map[string]int{}, 0
	once := map[string]bool{}
	for number := range uint64(2) {
		s := w.Stream(number)
		for range requests / 2 {
			r := s.Next()
			if r.Class == workload.Unique {
				unique++
				if once[r.Path] {
					t.Fatalf("%s comes again", r.Path)
				}
				once[r.Path] = true
				continue
			}
			count[r.Path]++
		}
	}
	if share := float64(unique) / requests; math.Abs(share-.1) > .01 {
		t.Errorf("%.3f of the requests are unique", share)
	}
	harmonic := 0.0
	for k := range questions {
		harmonic += 1 / float64(k+1)
	}
	for _, rank := range []int{0, 1, 9, 99} {
		want := float64(requests-unique) / harmonic / float64(rank+1)
		got := float64(count[w.Question(rank)])
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("rank %d came %.0f times, want about %.0f", rank, got, want)
		}
	}
}

// TestTooFewMovies is an error that says what to do.
func TestTooFewMovies(t *testing.T) {
	t.Parallel()
	if _, err := workload.New(workload.Options{Movies: 3, Seed: 1, Questions: 10_000}); err == nil || !strings.Contains(err.Error(), "generate more") {
		t.Errorf("got %v", err)
	}
}

// TestTheAPITakesThem: no question is refused as wrong.
func TestTheAPITakesThem(t *testing.T) {
	t.Parallel()
	handler, err := api.New(api.Options{Searcher: nothing{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	stream := newWorkload(t, workload.Options{Movies: 2_000, Seed: 1, Questions: 5_000, Unique: .5}).Stream(1)
	for range 5_000 {
		path := stream.Next().Path
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// nothing is a catalogue in which every id is a movie and no search finds one.
type nothing struct{}

func (nothing) Search(_ context.Context, r search.Request) (*search.Result, error) {
	return &search.Result{}, r.Normalize().Validate()
}
func (nothing) Lookup(context.Context, search.Lookup) ([]search.Item, error) {
	return []search.Item{{Movie: movie.Movie{ID: 1, Title: "x"}}}, nil
}
func (nothing) Suggest(context.Context, search.SuggestRequest) (*search.Suggestions, error) {
	return &search.Suggestions{}, nil
}
