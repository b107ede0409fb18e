package indexer

import (
	"context"
	"sync"
	"time"
)

// Bounds of what is sent to the cluster at once by one feed. More than the upper
// ones buys no throughput on any cluster tried, only memory and delay.
const (
	maxRequestBytes = 2 << 20
	minWindow       = 16 << 10
	maxWindow       = parallel * maxRequestBytes
	initialWindow   = maxWindow / 4
	// efficient is the size below which requests become dear: one of that size is
	// better than two of half of it.
	efficient = 256 << 10
)

// slowAnswer is how long a bulk request may take before less is sent at once:
// long enough for a healthy cluster at full load (four requests of a megabyte take
// two cores 1.4 s), and short enough for changes not to queue up in front of a
// slow one.
const slowAnswer = 1500 * time.Millisecond

// throttle bounds the bytes that are under way to the cluster much as TCP does:
// the window grows a little with every full request that is answered in time,
// and shrinks at once when requests are rejected, fail or take long, in
// proportion to how long. It bounds both the size of requests and how many are
// sent at once: a shrinking window first makes requests smaller, then fewer, and
// in the end the only one smaller still. It is safe for concurrent use.
type throttle struct {
	mu      sync.Mutex
	window  float64
	sending int
	shrunk  time.Time     // when the window last shrank
	freed   chan struct{} // closed and replaced when a place may have become free
}

func newThrottle() *throttle {
	return &throttle{window: initialWindow, freed: make(chan struct{})}
}

// size is the number of bytes that the next request should have.
func (t *throttle) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requestBytes()
}

func (t *throttle) requestBytes() int {
	return min(max(int(t.window)/parallel, efficient), int(t.window), maxRequestBytes)
}

// places is how many requests may be under way.
func (t *throttle) places() int {
	return min(max(int(t.window)/t.requestBytes(), 1), parallel)
}

// acquire waits for a place to send one request.
func (t *throttle) acquire(ctx context.Context) error {
	for {
		t.mu.Lock()
		if t.sending < t.places() {
			t.sending++
			t.mu.Unlock()
			return nil
		}
		freed := t.freed
		t.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release gives the place back and learns from how the request of that size,
// sent at the time began, went: whether the cluster turned some of it away.
func (t *throttle) release(began, now time.Time, bytes int, turnedAway bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := now.Sub(began)
	switch {
	case turnedAway:
		t.shrink(began, now, 0.5)
	case took > slowAnswer:
		t.shrink(began, now, max(0.1, float64(slowAnswer)/float64(took)))
	case bytes >= t.requestBytes()/2:
		t.window = min(t.window+min(t.window/32, maxWindow/64), maxWindow)
	}
	t.sending--
	close(t.freed)
	t.freed = make(chan struct{})
}

// shrink reduces the window, once for all requests that were under way together.
func (t *throttle) shrink(began, now time.Time, factor float64) {
	if began.Before(t.shrunk) {
		return
	}
	t.window, t.shrunk = max(t.window*factor, minWindow), now
}

// state is the window in bytes and the number of requests under way.
func (t *throttle) state() (window, sending int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.window), t.sending
}
