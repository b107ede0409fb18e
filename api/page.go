package api

import (
	"embed"
	"io/fs"
	"net/http"
	"path"

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
func (s *server) assets() http.Handler {
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := mux.Vars(r)["file"]
		body, err := fs.ReadFile(web, "web/"+name)
		contentType, known := types[path.Ext(name)]
		if err != nil || !known {
			s.fail(w, r, notFound("file", name))
			return
		}
		static(contentType, body).ServeHTTP(w, r)
	})
}

// static serves fixed bytes.
func static(contentType string, body []byte) http.Handler {
	p := newRepresentation(contentType, body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, cacheStatic) })
}
