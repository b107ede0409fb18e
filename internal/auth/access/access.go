// Package access tells who is asking, by the proof that a request brings: the
// access token of a browser session, in its cookie, or a bearer token of the
// OpenID provider.
//
// Its promise: nobody is asked on the way. Tokens are verified by signature with
// keys that are kept in memory and fetched in the background, so that auth or the
// provider being slow or down leaves unexpired proofs as good as they were. Only a
// token signed with a key never seen before waits, for a bounded time, for one
// fetch that all such requests share.
package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
	"movies/internal/movie"
)

// Options configure an Authenticator.
type Options struct {
	// PublicURL is the service's origin: the issuer of its tokens, and what decides
	// on the cookies' names.
	PublicURL *url.URL
	// AuthURL is where the auth service publishes its keys; nil accepts no cookies.
	AuthURL *url.URL
	// Provider verifies bearer tokens; nil accepts none.
	Provider *Provider
	Log      *slog.Logger
}

// Authenticator verifies proofs. It is safe for concurrent use. Run fetches keys.
type Authenticator struct {
	issuer, cookie string
	keys           *keyCache
	provider       *Provider
	revoked        revoked
	verified       verified
}

// New makes an authenticator; it fetches nothing before Run.
func New(o Options) *Authenticator {
	a := &Authenticator{issuer: o.PublicURL.Scheme + "://" + o.PublicURL.Host, cookie: identity.CookiesAt(o.PublicURL).Access, provider: o.Provider, verified: newVerified()}
	if o.AuthURL != nil {
		a.keys = newKeyCache("auth", fetchJWKS(o.AuthURL.JoinPath("/auth/keys").String()), o.Log)
	}
	return a
}

// Run keeps the keys current until the context ends.
func (a *Authenticator) Run(ctx context.Context) {
	var group errgroup.Group
	if a.keys != nil {
		group.Go(func() error { a.keys.run(ctx); return nil })
	}
	if a.provider != nil {
		group.Go(func() error { a.provider.Run(ctx); return nil })
	}
	_ = group.Wait() // none of them fails
}

// ErrNone means that the request brings no proof at all.
var ErrNone = errors.New("no proof of identity")

// Authenticate tells who is asking. Errors are ErrNone, of kind
// identity.ErrRefused (the proof is no good), or of kind movie.ErrUnavailable (it
// cannot be judged now).
func (a *Authenticator) Authenticate(r *http.Request) (identity.Identity, error) {
	if _, present := r.Header["Authorization"]; present {
		raw, ok := identity.BearerToken(r.Header)
		if !ok || a.provider == nil {
			return identity.Identity{}, fmt.Errorf("%w: only bearer tokens of the OpenID provider are accepted", identity.ErrRefused)
		}
		return a.verified.identity("bearer "+raw, func() (identity.Identity, error) { return a.provider.Verify(r, raw) })
	}
	c, err := r.Cookie(a.cookie)
	if err != nil || a.keys == nil {
		return identity.Identity{}, ErrNone
	}
	who, err := a.verified.identity("cookie "+c.Value, func() (identity.Identity, error) {
		return token.Verify(c.Value, a.issuer, a.keys.finder(r.Context()), time.Now())
	})
	if err != nil && !errors.Is(err, movie.ErrUnavailable) {
		return identity.Identity{}, fmt.Errorf("%w: the access token %w", identity.ErrRefused, err)
	}
	if err == nil && a.revoked.has(who.Session) {
		return identity.Identity{}, fmt.Errorf("%w: the session has ended", identity.ErrRefused)
	}
	return who, err
}

// getJSON fetches a small document.
func getJSON(ctx context.Context, client *http.Client, url string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<20)).Decode(v)
}
