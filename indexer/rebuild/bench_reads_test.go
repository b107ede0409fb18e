//go:build bench

package rebuild

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"movies/search"
	"movies/search/opensearch"
)

// TestBenchReadsBesideRebuild measures what readers notice of a rebuild at its own
// pace: the same questions, asked at a fixed rate, without and beside it. It also
// compares when the rebuild promised to be done, after the first tenth, with when
// it was.
func TestBenchReadsBesideRebuild(t *testing.T) {
	e := newEnv(t)
	e.catalogue(benchMovies(t))
	r := e.rebuilder("bench")
	r.chunk = chunkMovies
	_, err := r.Run(t.Context(), defaults)
	e.check(err)
	e.questions(5 * time.Second) // so that nobody is measured cold
	alone := e.questions(15 * time.Second)

	progress, out := io.Pipe()
	r.say = reporter{out, true}
	promises := make(chan promise, 1)
	go func() { promises <- promised(progress) }()
	var beside []time.Duration
	var backfill time.Duration
	var asking sync.WaitGroup
	end := make(chan struct{})
	var began time.Time
	r.reached = func(at string) {
		switch at {
		case "begin backfill":
			began = time.Now()
			asking.Go(func() { beside = e.questionsUntil(end) })
		case "end backfill":
			backfill = time.Since(began)
			close(end)
			asking.Wait()
		}
	}
	s, err := r.Run(t.Context(), defaults)
	e.check(err)
	e.check(out.Close())
	ours, reference := p99(beside), p99(alone)
	fmt.Printf("reads-beside-rebuild ours=%s reference=%s ratio=%.2f (p99; median %s and %s; backfill %.0f/s)\n", ours.Round(time.Millisecond/10),
		reference.Round(time.Millisecond/10), ours.Seconds()/reference.Seconds(), median(beside), median(alone), float64(s.Movies)/backfill.Seconds())
	p := <-promises
	off := math.Abs(p.promised.Sub(p.ended).Seconds()) / p.ended.Sub(p.began).Seconds()
	fmt.Printf("eta-after-a-tenth ours=%.1fs reference=%.1fs ratio=%.2f\n", p.promised.Sub(p.began).Seconds(), p.ended.Sub(p.began).Seconds(), 1-off)
}

// questions asks for a while and gives what each took.
func (e *env) questions(d time.Duration) []time.Duration {
	end := make(chan struct{})
	time.AfterFunc(d, func() { close(end) })
	return e.questionsUntil(end)
}

// questionsUntil asks thirty questions a second; a question that has to wait for
// the one before counts from when it was due.
func (e *env) questionsUntil(end <-chan struct{}) []time.Duration {
	const askers, every = 3, 100 * time.Millisecond
	s := opensearch.NewSearcher(e.engine, e.indices+opensearch.ReadAlias, time.Minute)
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for asker := range askers {
		wg.Go(func() {
			for n, due := asker, time.Now(); ; n, due = n+askers, due.Add(every) {
				select {
				case <-end:
					return
				case <-time.After(time.Until(due)):
				}
				request := search.Request{Text: []string{fmt.Sprintf("movie %d", n%977), fmt.Sprintf("person %d", n%977), "words of an overview"}[n%3]}
				if _, err := s.Search(e.Context(), request); err != nil {
					e.Errorf("a search failed: %v", err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(due))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

func p99(sorted []time.Duration) time.Duration { return sorted[len(sorted)*99/100] }

func median(sorted []time.Duration) time.Duration {
	return sorted[len(sorted)/2].Round(time.Millisecond / 10)
}

// promise is when a backfill began, when it said it would be done, and when it was.
type promise struct{ began, promised, ended time.Time }

func promised(progress io.Reader) (p promise) {
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		var line struct {
			Task        string
			Done, Total int64
			ETA         float64 `json:"eta_seconds"`
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Task != "backfill" {
			continue
		}
		now := time.Now()
		if p.began.IsZero() {
			p.began = now
		}
		if p.promised.IsZero() && line.Done >= line.Total/10 {
			p.promised = now.Add(time.Duration(line.ETA * float64(time.Second)))
		}
		p.ended = now
	}
	return p
}
