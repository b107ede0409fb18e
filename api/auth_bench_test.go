//go:build bench

package api_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBenchAuthenticatedReads measures reads of one movie with a bearer token
// beside the same reads without. They take turns so often that what else the
// machine does meets both alike.
func TestBenchAuthenticatedReads(t *testing.T) {
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts)
	const rounds, warm, each = 120, 10, 100 * time.Millisecond
	var ours, reference float64
	for round := range rounds + warm {
		anonymous, signedIn := s.readsPerSecond("", each), s.readsPerSecond("Bearer "+people.user, each)
		if round >= warm {
			ours, reference = ours+signedIn/rounds, reference+anonymous/rounds
		}
	}
	fmt.Printf("authenticated-reads ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours, reference, ours/reference)
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
