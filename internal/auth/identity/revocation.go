package identity

import "time"

// Revocation says that a session has ended before its access tokens expire: it was
// signed out, revoked, or stolen. Those who verify tokens refuse it from then on.
type Revocation struct {
	// Session is Identity.Session.
	Session string
	At      time.Time
}
