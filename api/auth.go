package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// Authenticator tells who is asking. It verifies by itself: it asks neither auth
// nor the provider on the way. Errors are of kind identity.ErrRefused (the proof
// is no good) or movie.ErrUnavailable (it cannot be judged now); any other means
// that the request brings no proof.
type Authenticator interface {
	Authenticate(r *http.Request) (identity.Identity, error)
}

// Accounts are the parts that serve people who are signed in. Where one is nil,
// its routes answer 501: this process serves the catalogue only.
type Accounts struct {
	Authenticator Authenticator
	Editor        Editor
	Watchlists    Watchlists
	Ratings       Ratings
	// Origins are other sites whose scripts may use the API, such as
	// https://app.example.com; the service's own needs no mention.
	Origins []string
}

// personalTimeout bounds one request of somebody who is signed in.
const personalTimeout = 10 * time.Second

// personal answers a request of somebody who is signed in.
type personal func(w http.ResponseWriter, r *http.Request, who identity.Identity) error

// signedIn makes a handler of a route that needs somebody to be signed in, with
// the role if one is given. Nothing of it applies to anonymous reads.
func (s *server) signedIn(role string, h personal) http.Handler {
	return s.signedInOr(role, h, s.fail)
}

// signedInOr is signedIn with an answer of its own for what went wrong.
func (s *server) signedInOr(role string, h personal, fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), personalTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		w.Header().Set("Cache-Control", "no-store")
		who, err := s.admit(w, r, role)
		if err == nil {
			err = h(w, r, who)
		}
		if err != nil {
			fail(w, r, storageError(s, r, err))
		}
	})
}

// admit checks, in this order: the rate of who asks (of the address, when that
// cannot be told), that no other site caused the request, who asks, their role,
// and for writes their own rate.
func (s *server) admit(w http.ResponseWriter, r *http.Request, role string) (identity.Identity, error) {
	who, err := s.identify(w, r)
	if wait, client := s.limiter.take(w.Header(), r, who); wait > 0 {
		return identity.Identity{}, tooMany(wait, "requests from "+client)
	}
	if _, explicit := r.Header["Authorization"]; !explicit {
		if err := s.crossOrigin.Check(r); err != nil {
			return identity.Identity{}, &httpError{status: http.StatusForbidden, detail: "the request comes from another site, which may not write here"}
		}
	}
	if err != nil {
		return who, err
	}
	if role != "" && !who.Is(role) {
		return who, &httpError{status: http.StatusForbidden, detail: "this needs the role " + role + ", which " + who.Subject + " does not have"}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if wait, _ := s.writes.take(who.Subject); wait > 0 {
			return who, tooMany(wait, "writes of "+who.Subject)
		}
	}
	return who, nil
}

// identify tells who is asking, or why that cannot be told.
func (s *server) identify(w http.ResponseWriter, r *http.Request) (identity.Identity, error) {
	if s.Accounts.Authenticator == nil {
		return identity.Identity{}, notServed("signing in")
	}
	who, err := s.Accounts.Authenticator.Authenticate(r)
	switch {
	case err == nil:
		return who, nil
	case errors.Is(err, movie.ErrUnavailable):
		s.Log.WarnContext(r.Context(), "identity cannot be verified", "error", err)
		return who, &httpError{status: http.StatusServiceUnavailable, retryAfter: 5, detail: "Who you are cannot be verified right now; try again in a moment."}
	case errors.Is(err, identity.ErrRefused):
		return who, notProved(w, err)
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="movies"`)
	return who, &httpError{status: http.StatusUnauthorized,
		detail: "this needs somebody who is signed in: a browser signs in at /auth/login, a script sends a bearer token of the OpenID provider"}
}

// notProved answers a proof that is no good (RFC 6750).
func notProved(w http.ResponseWriter, err error) error {
	w.Header().Set("WWW-Authenticate", `Bearer realm="movies", error="invalid_token"`)
	return &httpError{status: http.StatusUnauthorized, detail: err.Error() + "; a browser gets a new one by POST /auth/refresh"}
}

// bearerPatience is how long a read waits for the keys that judge its token.
const bearerPatience = 100 * time.Millisecond

// goodBearer refuses a read of the catalogue that brings a bearer token which is
// no good: so its client hears that it has expired. A read needs no token, so one
// that cannot be judged soon, and a browser's cookies, decide nothing.
func (s *server) goodBearer(w http.ResponseWriter, r *http.Request) error {
	if r.Header["Authorization"] == nil {
		return nil
	}
	if _, refused := s.reader(r); refused != nil {
		return notProved(w, refused)
	}
	return nil
}

// reader is who a read comes from, when it brings a proof that holds; refused says
// why its bearer token is no good.
func (s *server) reader(r *http.Request) (who identity.Identity, refused error) {
	bearer := r.Header["Authorization"] != nil
	if s.Accounts.Authenticator == nil || !bearer && r.Header["Cookie"] == nil {
		return identity.Identity{}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), bearerPatience)
	defer cancel()
	who, err := s.Accounts.Authenticator.Authenticate(r.WithContext(ctx))
	switch {
	case err == nil:
		return who, nil
	case bearer && errors.Is(err, identity.ErrRefused):
		return identity.Identity{}, err
	}
	return identity.Identity{}, nil
}

// storageError says of what is stored, not of search, that it cannot be reached.
func storageError(s *server, r *http.Request, err error) error {
	var answered *httpError
	if errors.As(err, &answered) || !errors.Is(err, movie.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.Log.WarnContext(r.Context(), "storage is unavailable", "error", err, "path", r.URL.Path)
	return &httpError{status: http.StatusServiceUnavailable, retryAfter: 5,
		detail: "Writing and personal lists are not possible right now; searching and reading are not affected."}
}

func notServed(what string) error {
	return &httpError{status: http.StatusNotImplemented, detail: "this server is not set up for " + what}
}

func tooMany(wait time.Duration, of string) error {
	return &httpError{status: http.StatusTooManyRequests, retryAfter: int(wait/time.Second) + 1, detail: "too many " + of}
}

// newCrossOrigin lets browsers write from our own site and the listed ones.
func newCrossOrigin(origins []string) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, o := range origins {
		if err := p.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("allowed origin %q: %w", o, err)
		}
	}
	return p, nil
}

// cors answers scripts of the listed origins (Fetch standard, CORS protocol); to
// all others it says nothing, and their browsers keep answers from them.
func (s *server) cors(next http.Handler) http.Handler {
	if len(s.Accounts.Origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if !slices.Contains(s.Accounts.Origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id, X-Revision")
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}
