package api

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Limits protect the service from too much of anything. The zero value limits
// nothing.
type Limits struct {
	// PerClient is how many requests a second one address may make in the long
	// run, Burst how many at once; 0 for no limit.
	PerClient float64
	Burst     int
	// Concurrent is how many catalogue reads may be under way at once; what is
	// above is shed with 503 at once rather than queued. 0 for no limit.
	Concurrent int
	// TrustedProxies may name the client in X-Forwarded-For.
	TrustedProxies []netip.Prefix
}

// mostClients bounds the memory for token buckets. An address forgotten while it
// is quiet starts with a full bucket, which is what it would have by then.
const mostClients = 100_000

// limited applies Limits to a handler.
func (s *server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := s.limiter.take(w.Header(), r); wait > 0 {
			s.fail(w, r, &httpError{status: http.StatusTooManyRequests, retryAfter: int(math.Ceil(wait.Seconds())),
				detail: fmt.Sprintf("more than %g requests a second from this address", s.Limits.PerClient)})
			return
		}
		if !s.limiter.enter() {
			s.fail(w, r, &httpError{status: http.StatusServiceUnavailable, retryAfter: 1,
				detail: "too many requests are under way; try again in a moment"})
			return
		}
		defer s.limiter.leave()
		next.ServeHTTP(w, r)
	})
}

// limiter is shared by all limited routes and safe for concurrent use.
type limiter struct {
	Limits
	buckets *otter.Cache[netip.Addr, *rate.Limiter]
	slots   chan struct{}
}

func newLimiter(l Limits) (*limiter, error) {
	buckets, err := otter.New(&otter.Options[netip.Addr, *rate.Limiter]{
		MaximumSize:      mostClients,
		ExpiryCalculator: otter.ExpiryAccessing[netip.Addr, *rate.Limiter](10 * time.Minute),
	})
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	out := &limiter{Limits: l, buckets: buckets}
	if l.Concurrent > 0 {
		out.slots = make(chan struct{}, l.Concurrent)
	}
	return out, nil
}

// take spends a token of the client's bucket, tells in the headers what is left
// (RateLimit-*, draft-ietf-httpapi-ratelimit-headers-07), and returns how long
// to wait when there is none.
func (l *limiter) take(h http.Header, r *http.Request) time.Duration {
	if l.PerClient <= 0 {
		return 0
	}
	client := l.client(r)
	bucket, _ := l.buckets.ComputeIfAbsent(client, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Limit(l.PerClient), l.Burst), false
	})
	allowed := bucket.Allow()
	left := bucket.Tokens()
	h.Set("RateLimit-Limit", strconv.Itoa(l.Burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, int(left))))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil((float64(l.Burst)-left)/l.PerClient))))
	if allowed {
		return 0
	}
	return max(time.Millisecond, time.Duration((1-left)/l.PerClient*float64(time.Second)))
}

func (l *limiter) enter() bool {
	if l.slots == nil {
		return true
	}
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *limiter) leave() {
	if l.slots != nil {
		<-l.slots
	}
}

// client is the address of who asks: the peer, or, as long as the peer is a
// trusted proxy, the next address to the left in X-Forwarded-For. IPv6 clients
// are told apart by their /64, which is what one customer gets.
func (l *limiter) client(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && l.trusted(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next
	}
	addr = addr.Unmap()
	if addr.Is6() {
		if prefix, err := addr.WithZone("").Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}

func (l *limiter) trusted(addr netip.Addr) bool {
	for _, p := range l.TrustedProxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
