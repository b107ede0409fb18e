package api

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"movies/internal/auth/identity"
)

// Limits protect the service from too much of one client. The zero value limits
// nothing. What the search tier can take of all clients together is package
// guard's to know.
type Limits struct {
	// PerClient is how many requests a second one client may make in the long run,
	// Burst how many at once; 0 for no limit. A client is who is signed in, or else
	// an address (IPv6: a /64, which is what one customer gets).
	PerClient float64
	Burst     int
	// TrustedProxies may name the client in X-Forwarded-For.
	TrustedProxies []netip.Prefix
}

// limited applies Limits to a handler.
func (s *server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait, client := s.limiter.take(w.Header(), r, s.proven(r)); wait > 0 {
			s.fail(w, r, tooMany(wait, "requests from "+client))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// proven is who a read comes from, when it brings a proof that holds. Reads are
// for everybody: without one, or with one that is no good, the address counts.
func (s *server) proven(r *http.Request) identity.Identity {
	if s.limiter == nil {
		return identity.Identity{}
	}
	who, _ := s.reader(r)
	return who
}

// limiter is shared by all limited routes and safe for concurrent use. A nil
// limiter limits nothing.
type limiter struct {
	Limits
	addresses *buckets[netip.Addr]
	people    *buckets[string]
}

func newLimiter(l Limits) (*limiter, error) {
	if l.PerClient <= 0 {
		return nil, nil
	}
	addresses, err := newBuckets[netip.Addr](l.PerClient, l.Burst)
	if err != nil {
		return nil, err
	}
	people, err := newBuckets[string](l.PerClient, l.Burst)
	if err != nil {
		return nil, err
	}
	return &limiter{Limits: l, addresses: addresses, people: people}, nil
}

// take spends a token of who asks, or of the address they ask from, tells in the
// headers what is left (RateLimit-*, draft-ietf-httpapi-ratelimit-headers-07), and
// returns how long to wait when there is none.
func (l *limiter) take(h http.Header, r *http.Request, who identity.Identity) (wait time.Duration, client string) {
	if l == nil {
		return 0, ""
	}
	var left float64
	if who.Subject != "" {
		wait, left = l.people.take(who.Subject)
		client = who.Subject
	} else {
		wait, left = l.addresses.take(l.address(r))
		client = "this address"
	}
	h.Set("RateLimit-Limit", strconv.Itoa(l.Burst))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, int(left))))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil((float64(l.Burst)-left)/l.PerClient))))
	return wait, client
}

// address is where a request comes from: the peer, or, as long as the peer is a
// trusted proxy, the next address to the left in X-Forwarded-For; of IPv6 the /64.
func (l *limiter) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	if l.trusted(addr) {
		addr = l.forwarded(addr, r.Header.Values("X-Forwarded-For"))
	}
	addr = addr.Unmap()
	if addr.Is6() {
		if prefix, err := addr.WithZone("").Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}

// forwarded is the first address, from the right, that no trusted proxy has.
func (l *limiter) forwarded(peer netip.Addr, headers []string) netip.Addr {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0 && l.trusted(peer); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = next
	}
	return peer
}

func (l *limiter) trusted(addr netip.Addr) bool {
	for _, p := range l.TrustedProxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
