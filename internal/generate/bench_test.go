//go:build bench

package generate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/generate"
	"movies/internal/movie"
)

const (
	benchMovies = 600_000
	benchRounds = 3
)

// TestBenchGenerate measures movies a second to nowhere beside encoding/json, on
// as many processors, of movies that are ready in memory.
func TestBenchGenerate(t *testing.T) {
	g := generate.New(1)
	ready := make([]movie.Movie, 5_000)
	for i := range ready {
		ready[i] = g.Movie(int64(i))
	}
	var ours, reference []float64
	for range benchRounds {
		start := time.Now()
		if err := g.WriteJSONL(t.Context(), io.Discard, benchMovies, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, benchMovies/time.Since(start).Seconds())
		start = time.Now()
		encode(t, ready)
		reference = append(reference, benchMovies/time.Since(start).Seconds())
	}
	slices.Sort(ours)
	slices.Sort(reference)
	o, r := ours[benchRounds/2], reference[benchRounds/2]
	fmt.Printf("generate ours=%.0f/s reference=%.0f/s ratio=%.2f\n", o, r, o/r)
}

// encode writes benchMovies movies on all processors.
func encode(t *testing.T, ready []movie.Movie) {
	t.Helper()
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for range workers {
		group.Go(func() error {
			e := json.NewEncoder(io.Discard)
			for i := range benchMovies / workers {
				if err := e.Encode(&ready[i%len(ready)]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
