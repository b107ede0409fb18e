package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"movies/internal/movie"
	"movies/internal/telemetry"
	"movies/search"
)

// problem is an RFC 9457 problem document.
type problem struct {
	Type   string               `json:"type"`
	Title  string               `json:"title"`
	Status int                  `json:"status"`
	Detail string               `json:"detail,omitempty"`
	Errors []movie.FieldProblem `json:"errors,omitempty"`
	// RequestID lets an operator find the log line of this answer.
	RequestID string `json:"request_id,omitempty"`
}

// httpError is an error that is about HTTP itself and knows its status.
type httpError struct {
	status int
	detail string
	// retryAfter in seconds is sent where it is not 0.
	retryAfter int
}

func (e *httpError) Error() string { return e.detail }

// fail answers with an error.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.answerProblem(w, r, s.explain(w, r, err))
}

func (s *server) answerProblem(w http.ResponseWriter, r *http.Request, p problem) {
	if wantsPage(r) {
		s.writeTrouble(w, r, p)
		return
	}
	writeProblem(w, p)
}

// explain is the only place that turns an error into what HTTP says about it. The
// unknown becomes a 500 with a generic text, and is logged here, once.
func (s *server) explain(w http.ResponseWriter, r *http.Request, err error) problem {
	p := problem{Type: "about:blank", RequestID: telemetry.RequestID(r.Context())}
	var invalid *movie.InvalidError
	var h *httpError
	retryAfter := 0
	switch {
	case errors.As(err, &h):
		p.Status, p.Detail, retryAfter = h.status, h.detail, h.retryAfter
	case errors.As(err, &invalid):
		p.Status, p.Detail, p.Errors = http.StatusBadRequest, invalid.Error(), invalid.Problems
	case errors.Is(err, movie.ErrNotFound):
		p.Status, p.Detail = http.StatusNotFound, err.Error()
	case errors.Is(err, movie.ErrConflict):
		p.Status, p.Detail = http.StatusPreconditionFailed, err.Error()
	case r.Context().Err() == context.Canceled:
		p.Status = statusClientClosedRequest
	case errors.Is(err, search.ErrShed): // not logged: there may be thousands a second, and metrics count them
		p.Status, retryAfter = http.StatusServiceUnavailable, 1
		p.Detail = "More questions than can be answered now; try again in a moment."
	case errors.Is(err, movie.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p.Status, retryAfter = http.StatusServiceUnavailable, 1
		p.Detail = "The search tier is not available or too slow right now; try again in a moment."
		s.Log.WarnContext(r.Context(), "unavailable", "error", err, "path", r.URL.Path)
	default:
		p.Status, p.Detail = http.StatusInternalServerError, "Something went wrong on our side; it has been logged."
		s.Log.ErrorContext(r.Context(), "request failed", "error", err, "path", r.URL.Path)
	}
	p.Title = http.StatusText(p.Status)
	if p.Status == statusClientClosedRequest {
		p.Title = "Client Closed Request"
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(retryAfter))
	}
	return p
}

// statusClientClosedRequest is what logs and metrics show for a client that left
// before the answer; nobody receives it.
const statusClientClosedRequest = 499

func writeProblem(w http.ResponseWriter, p problem) {
	forget(w.Header())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone; nothing is lost
}

// forget removes what described an answer that was given up, and keeps the
// problem out of caches.
func forget(h http.Header) {
	h.Set("Cache-Control", "no-store")
	for _, name := range []string{"ETag", "Content-Encoding", "Content-Length", "Age", "Cache-Status"} {
		h.Del(name)
	}
}

// Unavailable answers 503 as a problem document, for handlers that are given to
// the server from outside.
func Unavailable(w http.ResponseWriter, r *http.Request, detail string) {
	w.Header().Set("Retry-After", "5")
	writeProblem(w, problem{Type: "about:blank", Title: http.StatusText(http.StatusServiceUnavailable),
		Status: http.StatusServiceUnavailable, Detail: detail, RequestID: telemetry.RequestID(r.Context())})
}
