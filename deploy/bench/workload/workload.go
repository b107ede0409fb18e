// Package workload makes up what visitors ask: the fixed workload by which the
// anonymous path is measured.
//
// Its promise: the same options and seed give the same requests, on every
// machine. A number of distinct questions of all kinds are asked with Zipf
// frequencies of exponent 1 (the question of rank k comes in proportion to 1/k),
// and a share of requests beside them never repeats; both are about the movies of
// package generate, so that they find something. The kinds have the shares of
// deploy/capacity, at every popularity.
package workload

import (
	"fmt"
	"math/rand/v2"
	"sort"

	"movies/deploy/bench/load"
	"movies/internal/generate"
)

// The classes of requests: asked before or by others, and never again.
const (
	Repeating = "repeating"
	Unique    = "unique"
)

// Options of a workload.
type Options struct {
	// Movies and Seed are those of the generated catalogue.
	Movies int64
	Seed   uint64
	// Questions is how many are distinct; 0 means 200,000.
	Questions int
	// Unique is the share of requests that never repeat, 0 to 1.
	Unique float64
}

// DefaultQuestions is how many distinct questions the fixed workload has.
const DefaultQuestions = 200_000

// Workload is the questions. It is immutable and safe for concurrent use.
type Workload struct {
	questions  []string  // paths, by rank
	cumulative []float64 // shares of all ranks up to each
	unique     float64
	generator  *generate.Generator
	movies     int64
}

// New makes the questions up, which takes a few seconds for 200,000.
func New(o Options) (*Workload, error) {
	if o.Questions == 0 {
		o.Questions = DefaultQuestions
	}
	if o.Movies < 1 || o.Questions < 1 || o.Unique < 0 || o.Unique > 1 {
		return nil, fmt.Errorf("workload: movies %d and questions %d must be positive, the unique share %g from 0 to 1", o.Movies, o.Questions, o.Unique)
	}
	w := &Workload{generator: generate.New(o.Seed), movies: o.Movies, unique: o.Unique}
	if err := w.choose(o.Questions, o.Seed); err != nil {
		return nil, err
	}
	w.cumulative = make([]float64, o.Questions)
	sum := 0.0
	for k := range w.cumulative {
		sum += 1 / float64(k+1)
		w.cumulative[k] = sum
	}
	return w, nil
}

// choose fills questions with distinct ones.
func (w *Workload) choose(n int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 1))
	seen := make(map[string]bool, n)
	for tries := 0; len(w.questions) < n; tries++ {
		if tries > 20*n {
			return fmt.Errorf("workload: %d movies give only %d distinct questions, not %d: generate more movies or ask fewer questions", w.movies, len(w.questions), n)
		}
		if path := w.question(random); !seen[path] {
			seen[path] = true
			w.questions = append(w.questions, path)
		}
	}
	return nil
}

// Repeating is the workload without the requests that never repeat.
func (w *Workload) Repeating() *Workload {
	repeating := *w
	repeating.unique = 0
	return &repeating
}

// Len is how many distinct questions there are.
func (w *Workload) Len() int { return len(w.questions) }

// Question is the path of the question with a rank, from 0.
func (w *Workload) Question(rank int) string { return w.questions[rank] }

// Stream is an endless sequence of requests; for use by one goroutine at a time.
// Streams of one workload need different numbers, from 0 to 1,000: their unique
// requests are distinct from each other's.
func (w *Workload) Stream(number uint64) *Stream {
	return &Stream{w: w, random: rand.New(rand.NewPCG(number, 2)), serial: int64(number) * 1e8}
}

// Stream draws requests.
type Stream struct {
	w      *Workload
	random *rand.Rand
	serial int64 // of the next unique request
}

// Next is the next request.
func (s *Stream) Next() load.Request {
	if s.random.Float64() < s.w.unique {
		s.serial++
		return load.Request{Path: s.w.neverAgain(s.random, s.serial), Class: Unique}
	}
	sum := s.w.cumulative[len(s.w.cumulative)-1]
	rank := sort.SearchFloat64s(s.w.cumulative, s.random.Float64()*sum)
	return load.Request{Path: s.w.questions[min(rank, len(s.w.questions)-1)], Class: Repeating}
}
