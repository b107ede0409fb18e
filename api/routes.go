package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"movies/internal/auth/identity"
	"movies/internal/telemetry"
)

// router is every route of the service on one screen. What a route answers with
// is an error or nothing; fail turns the error into a problem document.
func (s *server) router() (*mux.Router, error) {
	spec, err := specification()
	if err != nil {
		return nil, err
	}
	r := mux.NewRouter()
	read := func(path string, h handler) {
		r.Handle(path, s.catalogue(h)).Methods(http.MethodGet, http.MethodHead).Name(path)
	}
	plain := func(path string, h http.Handler) {
		r.Handle(path, h).Methods(http.MethodGet, http.MethodHead).Name(path)
	}
	edit := func(method, path string, h personal) {
		r.Handle(path, s.signedIn(identity.Editor, h)).Methods(method).Name(path)
	}
	mine := func(method, path string, h personal) {
		r.Handle(path, s.signedIn("", h)).Methods(method).Name(path)
	}

	read("/v1/movies", s.listMovies)
	read("/v1/movies/{id}", s.getMovie)
	read("/v1/movies/{id}/similar", s.similarMovies)
	read("/v1/people/{id}", s.getPerson)
	read("/v1/suggest", s.suggest)

	edit(http.MethodPost, "/v1/movies", s.createMovie)
	edit(http.MethodPut, "/v1/movies/{id}", s.replaceMovie)
	edit(http.MethodPatch, "/v1/movies/{id}", s.patchMovie)
	edit(http.MethodDelete, "/v1/movies/{id}", s.deleteMovie)

	mine(http.MethodGet, "/v1/me/watchlist", s.watchlist)
	mine(http.MethodGet, "/v1/me/watchlist/{id}", s.watched)
	mine(http.MethodPut, "/v1/me/watchlist/{id}", s.watch)
	mine(http.MethodDelete, "/v1/me/watchlist/{id}", s.unwatch)
	mine(http.MethodGet, "/v1/me/ratings", s.ratings)
	mine(http.MethodPut, "/v1/me/ratings/{id}", s.rate)
	mine(http.MethodDelete, "/v1/me/ratings/{id}", s.unrate)
	mine(http.MethodGet, "/v1/me/export", s.exportMe)
	mine(http.MethodDelete, "/v1/me", s.deleteMe)
	r.Handle("/v1/me/sessions", s.sessions()).Methods(http.MethodGet).Name("/v1/me/sessions")
	r.Handle("/v1/me/sessions/{id}", s.sessions()).Methods(http.MethodDelete).Name("/v1/me/sessions/{id}")

	read("/", s.searchPage)
	mine(http.MethodGet, watchlistPath, s.watchlistPage)
	edit(http.MethodGet, "/movies/new", s.editPage)
	edit(http.MethodGet, "/movies/{id}/edit", s.editPage)
	r.HandleFunc("/movies/new", s.saveForm).Methods(http.MethodPost).Name("/movies/new")
	r.HandleFunc("/movies/{id}/edit", s.saveForm).Methods(http.MethodPost).Name("/movies/{id}/edit")
	edit(http.MethodPost, "/movies/{id}/delete", s.deleteForm)
	read("/movies/{id}", s.moviePage)
	read("/people/{id}", s.personPage)

	plain("/healthz", telemetry.Alive())
	plain("/readyz", telemetry.Ready(s.Ready))
	plain("/metrics", telemetry.Metrics(s.Metrics))
	plain("/openapi.json", spec)
	plain("/assets/{file}", s.assets())
	if s.Auth != nil {
		r.PathPrefix("/auth/").Handler(s.passedOn(s.Auth)).Name("/auth/")
	}

	r.NotFoundHandler = s.failing(&httpError{status: http.StatusNotFound, detail: "there is no such route; /openapi.json lists them"})
	r.MethodNotAllowedHandler = s.methodNotAllowed(r)
	r.Use(s.observe)
	r.NotFoundHandler, r.MethodNotAllowedHandler = s.observe(r.NotFoundHandler), s.observe(r.MethodNotAllowedHandler)
	return r, nil
}

// handler answers a request, or says with an error why not.
type handler func(http.ResponseWriter, *http.Request) error

func (s *server) failing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, err) })
}

// methodNotAllowed names the methods that the path does take, as RFC 9110 asks.
func (s *server) methodNotAllowed(router *mux.Router) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowed := ""
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			other := r.Clone(r.Context())
			other.Method = method
			var match mux.RouteMatch
			if router.Match(other, &match) && match.MatchErr == nil && match.Route != nil {
				if allowed != "" {
					allowed += ", "
				}
				allowed += method
			}
		}
		w.Header().Set("Allow", allowed)
		s.fail(w, r, &httpError{status: http.StatusMethodNotAllowed, detail: r.Method + " is not possible here; allowed: " + allowed})
	}
}
