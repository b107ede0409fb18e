package api

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strconv"

	"github.com/gorilla/mux"
)

// web holds the search page: plain files, no build step.
//
//go:embed web
var web embed.FS

// contentSecurityPolicy lets the page load its own files and posters, and nothing
// else; no inline script or style.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// page serves the search page.
func page() http.Handler {
	body, err := web.ReadFile("web/index.html")
	if err != nil {
		panic(err) // embedded at build time
	}
	next := static("text/html; charset=utf-8", body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
		w.Header().Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// assets serves the page's scripts and styles by name.
func assets() http.Handler {
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := mux.Vars(r)["file"]
		body, err := fs.ReadFile(web, "web/"+name)
		contentType, known := types[path.Ext(name)]
		if err != nil || !known {
			http.NotFound(w, r)
			return
		}
		static(contentType, body).ServeHTTP(w, r)
	})
}

// static serves fixed bytes with a validator, so that clients keep them.
func static(contentType string, body []byte) http.Handler {
	tag := entityTag(body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "public, max-age=60")
		if matches(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the client may be gone; nothing is lost
		}
	})
}
