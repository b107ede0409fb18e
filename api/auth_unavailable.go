package api

import (
	"io"
	"net/http"
	"strings"
)

// SignInUnavailable answers for auth while it is down: with a page to people,
// with a problem document to scripts.
func SignInUnavailable(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		Unavailable(w, r, "Signing in is not possible right now; browsing and searching are not affected.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	securePage(h)
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, signInUnavailablePage) // the client may be gone; nothing is lost
}

const signInUnavailablePage = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Signing in is not possible right now</title>
<main><h1>Signing in is not possible right now</h1>
<p>Please try again in a moment. Browsing and searching work as always.</p>
<p><a href="/">Search movies</a></main></html>
`
