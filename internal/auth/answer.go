package auth

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/movie"
	"movies/internal/telemetry"
)

// failJSON is the only place that turns an error into an answer for scripts; the
// pages of the sign-in have showPage.
func (s *Service) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, movie.ErrNotFound), errors.Is(err, identity.ErrRefused):
		s.notSignedIn(w)
	case errors.Is(err, movie.ErrUnavailable):
		s.Log.WarnContext(r.Context(), "unavailable", "error", err, "path", r.URL.Path)
		w.Header().Set("Retry-After", "5")
		writeProblem(w, http.StatusServiceUnavailable, "Sessions are not available right now; try again in a moment.")
	default:
		s.Log.ErrorContext(r.Context(), "request failed", "error", err, "path", r.URL.Path, "request_id", telemetry.RequestID(r.Context()))
		writeProblem(w, http.StatusInternalServerError, "Something went wrong on our side; it has been logged.")
	}
}

// notSignedIn leaves the cookies alone: another tab may just have renewed them.
func (s *Service) notSignedIn(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="movies"`)
	writeProblem(w, http.StatusUnauthorized, "you are not signed in; a browser signs in at /auth/login")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone; nothing is lost
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
}

// publishKeys is the JWKS of the access tokens.
func (s *Service) publishKeys(w http.ResponseWriter, _ *http.Request) {
	if len(s.keys.ring()) == 0 {
		w.Header().Set("Retry-After", "1")
		writeProblem(w, http.StatusServiceUnavailable, "there are no keys yet")
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=30")
	writeJSON(w, http.StatusOK, s.keys.ring().Public(s.Schedule, s.Now()))
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style>
<main><h1>{{.Title}}</h1><p>{{.Text}}</p><p><a href="/auth/login">Sign in</a> · <a href="/">Search movies</a></main></html>
`))

// showPage tells a person who came by a link what is the matter.
func showPage(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, struct{ Title, Text string }{title, text}) // the client may be gone; nothing is lost
}

func (s *Service) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: max(1, int(life.Seconds())),
		HttpOnly: true, Secure: s.cookies.Secure, SameSite: http.SameSiteLaxMode})
}

func (s *Service) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.cookies.Secure, SameSite: http.SameSiteLaxMode})
}

func (s *Service) dropCookies(w http.ResponseWriter) {
	s.dropCookie(w, s.cookies.Session)
	s.dropCookie(w, s.cookies.Access)
}

// sessionSecret is what the browser brought.
func (s *Service) sessionSecret(r *http.Request) (string, bool) {
	c, err := r.Cookie(s.cookies.Session)
	if err != nil || !plausibleSecret(c.Value) {
		return "", false
	}
	return c.Value, true
}
