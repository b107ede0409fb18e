// Package identity holds the words that those who sign people in and those who
// serve them agree on: who is asking, what they may do, and the names of the
// cookies that carry the proof. It imports the standard library only.
package identity

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Identity is somebody whose proof was verified.
type Identity struct {
	// Subject is the OpenID provider's stable identifier; never empty.
	Subject string
	// Name is what people see; may be empty.
	Name string
	// Roles are those that this service knows; see Roles.
	Roles []string
	// Session names the browser session; empty for a bearer token of the provider.
	Session string
	// Expires is when the proof ends.
	Expires time.Time
}

// Editor is the role of those who may write to the catalogue. Whoever is signed
// in is a user; that needs no role.
const Editor = "editor"

// Is tells whether the person has the role.
func (i Identity) Is(role string) bool { return slices.Contains(i.Roles, role) }

// Roles keeps of a provider's roles those that mean something here, so that a
// token stays small whatever else people may do elsewhere.
func Roles(all []string) []string {
	known := []string{}
	for _, role := range []string{"user", Editor} {
		if slices.Contains(all, role) {
			known = append(known, role)
		}
	}
	return known
}

// Cookies names the service's cookies at its public URL. Over https they have the
// __Host- prefix, by which browsers promise that no other host has set them.
type Cookies struct {
	// Secure tells whether they are for https only.
	Secure bool
	// Session carries the opaque session secret, Access the short-lived signed
	// token, Login (as a prefix) the secret of a sign-in under way.
	Session, Access, Login string
}

// CookiesAt are the cookies of the service at the public URL.
func CookiesAt(publicURL *url.URL) Cookies {
	c := Cookies{Secure: strings.EqualFold(publicURL.Scheme, "https"), Session: "session", Access: "access", Login: "login-"}
	if c.Secure {
		c.Session, c.Access, c.Login = "__Host-"+c.Session, "__Host-"+c.Access, "__Host-"+c.Login
	}
	return c
}

// ErrRefused means that a proof is no good: expired, forged, or for somebody
// else. Errors of this kind say why, without the proof itself.
var ErrRefused = errors.New("refused")

// BearerToken is the token of an Authorization header (RFC 6750).
func BearerToken(h http.Header) (string, bool) {
	scheme, raw, ok := strings.Cut(h.Get("Authorization"), " ")
	return strings.TrimSpace(raw), ok && strings.EqualFold(scheme, "Bearer")
}
