package api

import (
	"net/http"
	"net/netip"
	"strings"

	"movies/internal/auth/identity"
)

// Limits beside those of reading: what one person may write, and how often one
// address may begin or finish a sign-in. Whoever lifts the limit on requests
// lifts these too.
const (
	writesPerSecond, writesAtOnce   = 20, 100
	signInsPerSecond, signInsAtOnce = 2, 30
)

// passedOn limits what is passed on to auth.
func (s *server) passedOn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait, client := s.limiter.take(w.Header(), r, identity.Identity{})
		if wait == 0 && s.signIns != nil && (strings.HasPrefix(r.URL.Path, "/auth/login") || strings.HasPrefix(r.URL.Path, "/auth/callback")) {
			wait, _ = s.signIns.take(s.limiter.address(r))
		}
		if wait > 0 {
			s.fail(w, r, tooMany(wait, "requests from "+client))
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
	crossOrigin *http.CrossOriginProtection
	writes      *buckets[string]
	signIns     *buckets[netip.Addr]
}

func newGuards(o Options) (g guards, err error) {
	if g.crossOrigin, err = newCrossOrigin(o.Accounts.Origins); err != nil || o.Limits.PerClient <= 0 {
		return g, err
	}
	if g.writes, err = newBuckets[string](writesPerSecond, writesAtOnce); err != nil {
		return g, err
	}
	g.signIns, err = newBuckets[netip.Addr](signInsPerSecond, signInsAtOnce)
	return g, err
}
