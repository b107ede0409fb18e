// Package auth signs people in: the OpenID Connect authorization code flow with
// PKCE, state and nonce against any provider that has discovery, sessions with
// rotating secrets, and short-lived signed tokens that others verify by
// themselves (package token).
//
// What belongs here: the flow, the life of a session, keys and their rotation,
// and the routes below /auth/. What does not: how any of it is stored (the Store
// interfaces; package internal/postgres/accounts), and how the api tells who is
// asking (package access).
//
// Its promises. No secret is stored or logged as it is: of a session's secret the
// database has a hash, signing keys and the provider's refresh tokens are sealed,
// and no log line carries a code, state, token or cookie. A session ends at its
// idle or absolute bound, at sign-out here or at the provider, when its owner
// revokes it, when the provider does not let the person in any more, and when a
// spent secret of it turns up again, which means that it was stolen; those who
// verify its access tokens are told (Announcer). While
// the provider or the database is down, sign-in says so with 503, the process
// stays up, and it goes on by itself afterwards.
package auth

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
	"movies/internal/telemetry"
)

// Options configure a Service. All but the durations are required.
type Options struct {
	// PublicURL is the origin at which browsers reach the service, without path.
	PublicURL *url.URL
	// Issuer is the provider's URL; ClientID and ClientSecret are this service's
	// credentials there.
	Issuer, ClientID, ClientSecret string
	// Algorithm is the one by which the provider signs, such as RS256.
	Algorithm string
	// RolesClaim is the claim that lists roles, with dots for claims in claims.
	RolesClaim string
	// Scopes are asked for beside openid.
	Scopes []string
	Store  Store
	// Bearer verifies bearer tokens of the provider, for REST clients.
	Bearer Bearer
	// Announcer tells of sessions that end early; nil tells nobody, and their last
	// access token is good until it expires.
	Announcer Announcer
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	// Idle and Absolute bound a session without use, and in any case; 0 means
	// DefaultIdle and DefaultAbsolute.
	Idle, Absolute time.Duration
	// Schedule of the signing keys; zero means token.DefaultSchedule.
	Schedule token.Schedule
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Bearer tells for whom a bearer token of the provider stands.
type Bearer interface {
	Verify(r *http.Request, raw string) (identity.Identity, error)
}

// The bounds of a session where Options leave them open: OWASP ASVS 3.3.2, level 2.
const (
	DefaultIdle     = 30 * time.Minute
	DefaultAbsolute = 12 * time.Hour
)

// loginLife is how long somebody may take at the provider.
const loginLife = 10 * time.Minute

// rotationGrace is how long a session's spent secret still gets an access token:
// two tabs may refresh at once. Later it counts as stolen.
const rotationGrace = 20 * time.Second

// Service answers /auth/* and the routes of one's own sessions. It is safe for
// concurrent use; Run keeps its keys.
type Service struct {
	Options
	cookies  identity.Cookies
	provider *provider
	keys     *keyring
	logins   *prometheus.CounterVec
	routes   http.Handler
	ended    chan struct{} // sessions that are to be announced
}

// New builds a service. It opens nothing: provider and store are asked when they
// are needed.
func New(o Options) (*Service, error) {
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Absolute == 0 {
		o.Absolute = DefaultAbsolute
	}
	if o.Schedule == (token.Schedule{}) {
		o.Schedule = token.DefaultSchedule
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ClientSecret == "" {
		return nil, errors.New("auth: the client secret is empty")
	}
	seal, err := newSealer(o.ClientSecret)
	if err != nil {
		return nil, err
	}
	s := &Service{
		Options: o, ended: make(chan struct{}, 1), cookies: identity.CookiesAt(o.PublicURL), provider: newProvider(o),
		keys: &keyring{store: o.Store, schedule: o.Schedule, seal: seal, now: o.Now, log: o.Log},
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "auth_events_total",
			Help: "Sign-ins, refreshes, sign-outs and what was refused, by outcome."}, []string{"event"}),
	}
	if err := o.Metrics.Register(s.logins); err != nil {
		return nil, err
	}
	s.routes, err = s.handler()
	return s, err
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Ready reports whether sign-in and refresh can work as far as this process and
// its database go; the provider's state is not part of it.
func (s *Service) Ready() telemetry.Check { return s.keys.ready }

// handler is every route on one screen.
func (s *Service) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/login", s.login)
	mux.HandleFunc("GET /auth/callback", s.callback)
	mux.HandleFunc("POST /auth/logout", s.logout)
	mux.HandleFunc("GET /auth/me", s.me)
	mux.HandleFunc("POST /auth/refresh", s.refresh)
	mux.HandleFunc("GET /auth/keys", s.publishKeys)
	mux.HandleFunc("GET /v1/me/sessions", s.listSessions)
	mux.HandleFunc("DELETE /v1/me/sessions/{id}", s.revokeSession)
	mux.HandleFunc("DELETE /v1/me", s.revokeAllSessions)

	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "there is no such route; /openapi.json lists them")
	})

	// A browser tells where a request comes from; one that another site caused
	// does not write. Clients that are no browsers send no such header and no
	// cookies they were not given.
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.origin()); err != nil {
		return nil, err
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.logins.WithLabelValues("cross_origin_refused").Inc()
		writeProblem(w, http.StatusForbidden, "the request comes from another site")
	}))
	whole := http.NewServeMux()
	whole.HandleFunc("POST /auth/backchannel-logout", s.backChannelLogout) // from the provider's server
	whole.Handle("/", protection.Handler(mux))
	return private(whole), nil
}

// origin is the public URL as browsers write it in the Origin header.
func (s *Service) origin() string { return s.PublicURL.Scheme + "://" + s.PublicURL.Host }

// private keeps every answer out of caches and frames.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}
