package api

import (
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// buckets are a token bucket for each name, safe for concurrent use. Nil buckets
// limit nothing.
//
// Their memory is bounded. Beyond mostClients those names are forgotten that ask
// least (otter's admission policy), so that a flood of addresses does not free the
// one that floods by itself; and what is forgotten while it is quiet starts with a
// full bucket, which is what it would have by then.
type buckets[K comparable] struct {
	rate  float64 // tokens a second
	burst int
	kept  *otter.Cache[K, *rate.Limiter]
}

const (
	mostClients = 100_000
	quiet       = 10 * time.Minute
)

func newBuckets[K comparable](perSecond float64, burst int) (*buckets[K], error) {
	kept, err := otter.New(&otter.Options[K, *rate.Limiter]{
		MaximumSize:      mostClients,
		ExpiryCalculator: otter.ExpiryAccessing[K, *rate.Limiter](quiet),
	})
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	return &buckets[K]{rate: perSecond, burst: burst, kept: kept}, nil
}

// take spends a token and returns how many are left, or how long to wait for one.
func (b *buckets[K]) take(name K) (wait time.Duration, left float64) {
	if b == nil {
		return 0, 0
	}
	bucket, found := b.kept.GetIfPresent(name)
	if !found {
		bucket, _ = b.kept.ComputeIfAbsent(name, func() (*rate.Limiter, bool) {
			return rate.NewLimiter(rate.Limit(b.rate), b.burst), false
		})
	}
	now := time.Now()
	allowed := bucket.AllowN(now, 1)
	left = bucket.TokensAt(now)
	if allowed {
		return 0, left
	}
	return max(time.Millisecond, time.Duration((1-left)/b.rate*float64(time.Second))), left
}
