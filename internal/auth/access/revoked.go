package access

import (
	"maps"
	"sync"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
)

// revoked remembers sessions that have ended for as long as a token of theirs can
// be valid.
type revoked struct {
	mu    sync.RWMutex
	until map[string]time.Time
	swept time.Time
}

// kept is how long after its end a session is remembered: its last token's life,
// and a minute for clocks that differ.
const kept = token.Life + time.Minute

func (r *revoked) add(v identity.Revocation, now time.Time) {
	until := v.At.Add(kept)
	if !until.After(now) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = make(map[string]time.Time)
	}
	r.until[v.Session] = until
	if now.Sub(r.swept) > time.Minute {
		maps.DeleteFunc(r.until, func(_ string, until time.Time) bool { return !until.After(now) })
		r.swept = now
	}
}

func (r *revoked) has(session string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ended := r.until[session]
	return ended
}

// Revoke refuses a session's tokens from now on, before they expire.
func (a *Authenticator) Revoke(v identity.Revocation) { a.revoked.add(v, time.Now()) }
