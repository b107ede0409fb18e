package indexer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is a cluster that works off bytes at a rate, one request after another,
// and turns away what would have to wait too long.
type server struct {
	overhead time.Duration // of each request, at any rate
	longest  time.Duration // wait in its queue

	mu        sync.Mutex
	rate      float64 // bytes a second
	busyUntil time.Time
	served    float64 // bytes
	requests  int
	rejected  int
	slowest   time.Duration
}

func (s *server) serve(bytes int) (ok bool) {
	s.mu.Lock()
	began := time.Now()
	start := began
	if s.busyUntil.After(start) {
		start = s.busyUntil
	}
	s.requests++
	if start.Sub(began) > s.longest {
		s.rejected++
		s.mu.Unlock()
		pause(5 * time.Millisecond)
		return false
	}
	end := start.Add(time.Duration(float64(bytes) / s.rate * float64(time.Second)))
	s.busyUntil = end
	s.mu.Unlock()
	pause(time.Until(end) + s.overhead)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served += float64(bytes)
	s.slowest = max(s.slowest, time.Since(began))
	return true
}

// watch gives what the server did in a time: its share of what it could have
// done, the share of requests turned away, and the slowest answer.
func (s *server) watch(d time.Duration) (used, rejected float64, slowest time.Duration) {
	s.mu.Lock()
	s.served, s.requests, s.rejected, s.slowest = 0, 0, 0, 0
	s.mu.Unlock()
	pause(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served / (s.rate * d.Seconds()), float64(s.rejected) / float64(s.requests), s.slowest
}

func (s *server) setRate(r float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = r
}

// load sends as the works of a session do.
func load(ctx context.Context, t *throttle, s *server) {
	for ctx.Err() == nil {
		if t.acquire(ctx) != nil {
			return
		}
		began, size := time.Now(), t.size()
		ok := s.serve(size)
		t.release(began, time.Now(), size, !ok)
		if !ok {
			pause(firstRetry)
		}
	}
}

// When the cluster slows down to a tenth, and when it recovers, the throttle has
// found the new rate within 30 s: the cluster is busy, turns hardly anything away
// and answers in time.
func TestThrottleConverges(t *testing.T) {
	for name, s := range map[string]*server{
		"a fast cluster that queues":           {rate: 100e6, overhead: 10 * time.Millisecond, longest: time.Minute},
		"a slow cluster that queues":           {rate: 2e6, overhead: 20 * time.Millisecond, longest: time.Minute},
		"a cluster far away":                   {rate: 20e6, overhead: 200 * time.Millisecond, longest: time.Minute},
		"a fast cluster that turns work away":  {rate: 50e6, overhead: 10 * time.Millisecond, longest: 200 * time.Millisecond},
		"a slow cluster that turns work away":  {rate: 2e6, overhead: 10 * time.Millisecond, longest: 500 * time.Millisecond},
		"a cluster with hardly a queue at all": {rate: 20e6, overhead: 5 * time.Millisecond, longest: 40 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				throttle := newThrottle()
				ctx, cancel := context.WithCancel(t.Context())
				var works sync.WaitGroup
				defer works.Wait()
				defer cancel()
				for range parallel {
					works.Go(func() { load(ctx, throttle, s) })
				}
				healthy := s.rate
				for _, phase := range []struct {
					name string
					rate float64
				}{{"healthy", healthy}, {"slowed down to a tenth", healthy / 10}, {"recovered", healthy}} {
					s.setRate(phase.rate)
					pause(30 * time.Second)
					used, rejected, slowest := s.watch(30 * time.Second)
					window, _ := throttle.state()
					t.Logf("%s: %.0f%% used, %.1f%% turned away, slowest answer %v, window %d KiB", phase.name, used*100, rejected*100, slowest, window>>10)
					if used < 0.8 || rejected > 0.1 || slowest > 2*slowAnswer {
						t.Errorf("%s: not converged", phase.name)
					}
				}
			})
		})
	}
}
