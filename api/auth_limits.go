package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Limits beside those of reading: what one person may write, and how often one
// address may begin or finish a sign-in. Whoever lifts the limit on requests
// lifts these too.
const (
	writesPerSecond, writesAtOnce   = 20, 100
	signInsPerSecond, signInsAtOnce = 2, 30
)

// quota is a token bucket for each name. A nil quota limits nothing.
type quota struct {
	rate    rate.Limit
	burst   int
	buckets *otter.Cache[string, *rate.Limiter]
}

func newQuota(perSecond rate.Limit, burst int) (*quota, error) {
	buckets, err := otter.New(&otter.Options[string, *rate.Limiter]{
		MaximumSize:      mostClients,
		ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](10 * time.Minute),
	})
	if err != nil {
		return nil, fmt.Errorf("quotas: %w", err)
	}
	return &quota{rate: perSecond, burst: burst, buckets: buckets}, nil
}

// take spends a token, or returns how long to wait for one.
func (q *quota) take(name string) time.Duration {
	if q == nil {
		return 0
	}
	bucket, _ := q.buckets.ComputeIfAbsent(name, func() (*rate.Limiter, bool) { return rate.NewLimiter(q.rate, q.burst), false })
	if bucket.Allow() {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-bucket.Tokens())/float64(q.rate)*float64(time.Second)))
}

// passedOn limits what is passed on to auth.
func (s *server) passedOn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait := s.limiter.take(w.Header(), r)
		if wait == 0 && (strings.HasPrefix(r.URL.Path, "/auth/login") || strings.HasPrefix(r.URL.Path, "/auth/callback")) {
			wait = s.signIns.take(s.limiter.client(r).String())
		}
		if wait > 0 {
			s.fail(w, r, tooMany(wait, "requests from this address"))
			return
		}
		passOn(next, w, r)
	})
}

// passOn lets auth answer, and say itself what a browser may do with its answer:
// two policies would forbid what either forbids.
func passOn(auth http.Handler, w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy"} {
		w.Header().Del(name)
	}
	auth.ServeHTTP(w, r)
}

// guards are what protects the routes of people who are signed in.
type guards struct {
	crossOrigin     *http.CrossOriginProtection
	writes, signIns *quota
}

func newGuards(o Options) (g guards, err error) {
	if g.crossOrigin, err = newCrossOrigin(o.Accounts.Origins); err != nil || o.Limits.PerClient <= 0 {
		return g, err
	}
	if g.writes, err = newQuota(writesPerSecond, writesAtOnce); err != nil {
		return g, err
	}
	g.signIns, err = newQuota(signInsPerSecond, signInsAtOnce)
	return g, err
}
