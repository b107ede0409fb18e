// Package api is the service's face over HTTP: it turns requests into questions
// for the search tier, and answers into JSON.
//
// What belongs here: routes, parameters, representations, HTTP caching and
// limits. What does not: how a question is answered (package search and its
// adapters), how a change is stored (behind the interfaces below). Its promises:
// a request that reads the catalogue touches neither Postgres nor auth; every
// error is a problem document made in one place (problem.go); every request is
// bounded in time, and so is shutdown.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/telemetry"
	"movies/search"
)

// Options are what a server is made of. Searcher, Log and Metrics are required.
type Options struct {
	Searcher search.Searcher
	Log      *slog.Logger
	Metrics  *prometheus.Registry
	// Ready are the dependencies that /readyz asks about, by name.
	Ready map[string]telemetry.Check
	// Auth answers /auth/*; nil when this process serves the catalogue only.
	Auth http.Handler
	// Accounts serve people who are signed in; the zero value serves nobody.
	Accounts Accounts
	// Limits protect the service; see Limits.
	Limits Limits
	// HTTPSOnly makes browsers come by https from their first visit on (RFC 6797).
	HTTPSOnly bool
	// ReadTimeout bounds the time one catalogue read may take, the engine's time
	// included; 0 means DefaultReadTimeout.
	ReadTimeout time.Duration
	// RevisionWait bounds how long min_revision waits; 0 means DefaultRevisionWait.
	RevisionWait time.Duration
}

// Bounds that apply where Options leave them open.
const (
	DefaultReadTimeout  = 3 * time.Second
	DefaultRevisionWait = 5 * time.Second
)

// server holds what the handlers share. It is immutable after New.
type server struct {
	Options
	latency *prometheus.HistogramVec
	// renderings are answers as they were written, by what they say.
	renderings *renderings
	front      *front
	limiter    *limiter
	guards
}

// New builds the handler of all routes. It starts nothing and may be called
// several times with different metrics registries.
func New(o Options) (http.Handler, error) {
	if o.ReadTimeout == 0 {
		o.ReadTimeout = DefaultReadTimeout
	}
	if o.RevisionWait == 0 {
		o.RevisionWait = DefaultRevisionWait
	}
	limits, err := newLimiter(o.Limits)
	if err != nil {
		return nil, err
	}
	guards, err := newGuards(o)
	if err != nil {
		return nil, err
	}
	kept, err := newRenderings()
	if err != nil {
		return nil, err
	}
	front, err := newFront(o.Metrics)
	if err != nil {
		return nil, err
	}
	s := &server{Options: o, limiter: limits, guards: guards, renderings: kept, front: front, latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "api_request_duration_seconds",
		Help:    "Time to answer, by route and status.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
	}, []string{"route", "method", "status"})}
	if err := o.Metrics.Register(s.latency); err != nil {
		return nil, err
	}
	if s.Searcher, err = noteUnanswered(o.Searcher, o.Log, o.Metrics); err != nil {
		return nil, err
	}
	router, err := s.router()
	if err != nil {
		return nil, err
	}
	return s.outermost(s.cors(s.first(router))), nil
}
