package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"movies/internal/movie"
	"movies/search"
	"movies/search/guard"
)

// tier answers when it is let, with the error that is set.
type tier struct {
	entered chan struct{}
	release chan struct{}
	err     atomic.Pointer[error]
	asked   atomic.Int64
}

func (t *tier) ask(ctx context.Context) error {
	t.asked.Add(1)
	if t.entered != nil {
		t.entered <- struct{}{}
		select {
		case <-t.release:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := t.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (t *tier) Search(ctx context.Context, _ search.Request) (*search.Result, error) {
	return &search.Result{}, t.ask(ctx)
}
func (t *tier) Lookup(ctx context.Context, _ search.Lookup) ([]search.Item, error) {
	return nil, t.ask(ctx)
}
func (t *tier) Suggest(ctx context.Context, _ search.SuggestRequest) (*search.Suggestions, error) {
	return &search.Suggestions{}, t.ask(ctx)
}

func newGuard(t *testing.T, next search.Searcher, most uint) (*guard.Guard, *prometheus.Registry) {
	t.Helper()
	metrics := prometheus.NewRegistry()
	g, err := guard.New(next, guard.Options{MaxConcurrent: most, Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	return g, metrics
}

// TestCostlyQuestionsAreRefusedFirst: as the tier fills up, first what costs most
// is refused, at last lookups too; and what was let through is answered.
func TestCostlyQuestionsAreRefusedFirst(t *testing.T) {
	t.Parallel()
	below := &tier{entered: make(chan struct{}, 100), release: make(chan struct{})}
	g, metrics := newGuard(t, below, 8)
	ask := map[string]func() error{
		"costly": func() error {
			_, err := g.Search(t.Context(), search.Request{Facets: []search.Facet{search.FacetGenre}})
			return err
		},
		"search":  func() error { _, err := g.Search(t.Context(), search.Request{Text: "x"}); return err },
		"suggest": func() error { _, err := g.Suggest(t.Context(), search.SuggestRequest{Text: "x"}); return err },
		"lookup":  func() error { _, err := g.Lookup(t.Context(), search.Lookup{IDs: []int64{1}}); return err },
	}
	var under sync.WaitGroup
	takesUpTo := func(kind string, slots int) {
		t.Helper()
		for int(below.asked.Load()) < slots {
			under.Go(func() {
				if err := ask[kind](); err != nil {
					t.Errorf("%s was let through, and then: %v", kind, err)
				}
			})
			<-below.entered
		}
		if err := ask[kind](); !errors.Is(err, search.ErrShed) || !errors.Is(err, movie.ErrUnavailable) {
			t.Errorf("%s with %d of 8 slots taken: %v, want it refused", kind, slots, err)
		}
	}
	takesUpTo("costly", 4)
	takesUpTo("search", 6)
	takesUpTo("suggest", 7)
	takesUpTo("lookup", 8)
	close(below.release)
	under.Wait()
	below.entered = nil
	if err := ask["costly"](); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	expected := `# HELP movies_search_tier_in_flight Questions under way.
# TYPE movies_search_tier_in_flight gauge
movies_search_tier_in_flight 0
`
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(expected), "movies_search_tier_in_flight"); err != nil {
		t.Error(err)
	}
}

// TestAFailingTierIsLeftAlone, and is asked again when it answers.
func TestAFailingTierIsLeftAlone(t *testing.T) {
	t.Parallel()
	below := new(tier)
	broken := fmt.Errorf("%w: connection refused", movie.ErrUnavailable)
	below.err.Store(&broken)
	g, _ := newGuard(t, below, 100)
	lookup := func() error { _, err := g.Lookup(t.Context(), search.Lookup{IDs: []int64{1}}); return err }
	for range 20 {
		if err := lookup(); !errors.Is(err, broken) {
			t.Fatalf("got %v, want the tier's own error", err)
		}
	}
	asked := below.asked.Load()
	for range 1000 { // in less than the pause, or on a busy machine a few
		if err := lookup(); !errors.Is(err, search.ErrShed) && !errors.Is(err, broken) {
			t.Fatalf("got %v, want a refusal", err)
		}
	}
	if more := below.asked.Load() - asked; more > 10 {
		t.Errorf("a tier that fails was asked %d times more", more)
	}
	below.err.Store(nil)
	for deadline := time.Now().Add(20 * time.Second); lookup() != nil; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the tier answers again and is not asked")
		}
	}
	if err := lookup(); err != nil {
		t.Errorf("after it has recovered: %v", err)
	}
}

// TestAnswersThatAreErrorsAreNoFailures: neither a wrong cursor nor clients that
// leave open the circuit.
func TestAnswersThatAreErrorsAreNoFailures(t *testing.T) {
	t.Parallel()
	for _, err := range []error{movie.Invalid("cursor", "is not one"), context.Canceled, movie.ErrNotFound} {
		below := new(tier)
		below.err.Store(&err)
		g, _ := newGuard(t, below, 100)
		for range 100 {
			if _, got := g.Lookup(t.Context(), search.Lookup{}); !errors.Is(got, err) {
				t.Fatalf("got %v, want %v", got, err)
			}
		}
	}
}

// TestTheLimitFollowsTheTier: a tier that gets slower the more it is asked gets
// fewer questions than one may ask.
func TestTheLimitFollowsTheTier(t *testing.T) {
	t.Parallel()
	below := new(saturated)
	g, _ := newGuard(t, below, 200)
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	var clients sync.WaitGroup
	for range 150 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if _, err := g.Lookup(ctx, search.Lookup{}); errors.Is(err, search.ErrShed) {
					<-time.After(time.Millisecond)
				}
			}
		})
	}
	clients.Wait()
	if most := below.most.Load(); most > 100 {
		t.Errorf("150 clients had %d questions under way at a tier that can do 4", most)
	}
	if below.answered.Load() < 100 {
		t.Errorf("only %d answers", below.answered.Load())
	}
}

// saturated answers four questions at a time, in 5 ms; the others wait.
type saturated struct {
	tier
	workers                  sync.Mutex
	underWay, most, answered atomic.Int64
}

// Lookup implements search.Searcher.
func (s *saturated) Lookup(context.Context, search.Lookup) ([]search.Item, error) {
	now := s.underWay.Add(1)
	defer s.underWay.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	s.workers.Lock()
	<-time.After(5 * time.Millisecond / 4)
	s.workers.Unlock()
	s.answered.Add(1)
	return nil, nil
}

// buggy panics.
type buggy struct{ search.Searcher }

func (buggy) Lookup(context.Context, search.Lookup) ([]search.Item, error) { panic("a bug") }

// TestPanicGivesItsSlotBack, however often: the next question is let through.
func TestPanicGivesItsSlotBack(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, buggy{}, 4)
	for i := range 100 {
		func() {
			defer func() {
				if recover() == nil {
					t.Fatalf("question %d was refused", i+1)
				}
			}()
			_, _ = g.Lookup(t.Context(), search.Lookup{IDs: []int64{1}})
		}()
	}
}
