package indexer

import (
	"context"
	"time"
)

// Bounds of the waiting time before something is tried again.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// delays are the times between attempts: growing, bounded, and spread by a half
// either way, so that feeds and processes do not come back all at once. They are
// spread by the clock, which no two processes read at the same instant, and which
// repeats itself in a simulation.
type delays struct{ mean time.Duration }

// next is the time to wait now.
func (d *delays) next() time.Duration {
	mean := min(max(d.mean, firstRetry), lastRetry)
	d.mean = mean * 3 / 2
	return mean/2 + time.Duration(time.Now().UnixNano())%mean
}

// reset starts over after a success.
func (d *delays) reset() { d.mean = 0 }

// sleep waits unless the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
