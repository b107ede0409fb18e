package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"movies/search"
)

// requestIDHeader names the header in the canonical form of package http.
const requestIDHeader = "X-Request-Id"

// Values that every answer has. They are shared: a handler that wants another one
// sets it, and never changes them in place.
var (
	httpsOnly     = []string{"max-age=31536000; includeSubDomains"}
	nosniff       = []string{"nosniff"}
	nothingLoaded = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin    = []string{"same-origin"}
)

// outermost wraps everything, matched or not: request id and security headers.
func (s *server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h[requestIDHeader] = requestID(r)
		if s.HTTPSOnly {
			h["Strict-Transport-Security"] = httpsOnly
		}
		secure(h)
		next.ServeHTTP(w, r)
	})
}

// secure says what a browser may do with an answer: read it, and nothing else.
// Pages say more.
func secure(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = nothingLoaded
	h["Referrer-Policy"] = sameOrigin
}

// recovered is the net under a panic.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.Log.ErrorContext(r.Context(), "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			s.fail(w, r, fmt.Errorf("panic: %v", cause))
		}()
		next.ServeHTTP(w, r)
	})
}

// requestID is the caller's X-Request-Id where it is short and plain, else new, as
// a header's values.
func requestID(r *http.Request) []string {
	if given := r.Header[requestIDHeader]; len(given) > 0 && given[0] != "" && len(given[0]) <= 64 && plain(given[0]) {
		return given[:1:1]
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return []string{hex.EncodeToString(b[:])}
}

func plain(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// observe measures each request by its route's name, and traces it; a panic is
// measured as the 500 it becomes.
func (s *server) observe(next http.Handler) http.Handler {
	tracer := otel.Tracer("movies/api")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := "none"
		if current := mux.CurrentRoute(r); current != nil {
			route = current.GetName()
		}
		ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		started := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		s.recovered(next).ServeHTTP(sw, r.WithContext(ctx))
		took := time.Since(started)
		s.latency.WithLabelValues(route, method(r), strconv.Itoa(sw.status)).Observe(took.Seconds())
		s.Log.DebugContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "query", loggedQuery(r),
			"status", sw.status, "took_ms", took.Milliseconds())
	})
}

// loggedQuery leaves out what a provider sends by way of the browser: the code and
// state of a sign-in are secrets.
func loggedQuery(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/auth/") {
		return ""
	}
	return r.URL.RawQuery
}

// method keeps the label's values few, whatever a client sends.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// statusWriter remembers the status for metrics and logs.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// catalogue makes a handler of a read of the catalogue: limited, and bounded in
// time by ReadTimeout (with min_revision by RevisionWait on top of it, and past all
// caches), and tracked in how old its answer is.
func (s *server) catalogue(h handler) http.Handler {
	return s.limited(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, _ := search.Trace(r.Context())
		bound := s.ReadTimeout
		if r.URL.Query().Has("min_revision") {
			bound += s.RevisionWait
			ctx = search.PastCaches(ctx)
		}
		ctx, cancel := context.WithTimeout(ctx, bound)
		defer cancel()
		err := s.goodBearer(w, r)
		if err == nil {
			err = h(w, r.WithContext(ctx))
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}))
}
