//go:build bench

package api_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBenchAuthenticatedReads measures reads of one movie with a bearer token
// beside the same reads without, in alternating rounds of one run.
func TestBenchAuthenticatedReads(t *testing.T) {
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts)
	var ratios, ours, reference []float64
	for round := range 8 {
		anonymous := s.readsPerSecond("", 1500*time.Millisecond)
		signedIn := s.readsPerSecond("Bearer "+people.user, 1500*time.Millisecond)
		if round > 0 { // the first one warms up
			ours, reference, ratios = append(ours, signedIn), append(reference, anonymous), append(ratios, signedIn/anonymous)
		}
	}
	for _, v := range [][]float64{ours, reference, ratios} {
		slices.Sort(v)
	}
	fmt.Printf("authenticated-reads ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours[3], reference[3], ratios[3])
}

// readsPerSecond reads a movie with four connections for some time.
func (s *service) readsPerSecond(authorization string, d time.Duration) float64 {
	s.t.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range 4 {
		all.Go(func() {
			for time.Since(begin) < d {
				r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/v1/movies/1", nil)
				if err != nil {
					s.t.Error(err)
					return
				}
				if authorization != "" {
					r.Header.Set("Authorization", authorization)
				}
				response, err := plainClient.Do(r)
				if err != nil {
					s.t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					s.t.Errorf("got %s", response.Status)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds()
}
