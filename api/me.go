package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"movies/internal/auth/identity"
	"movies/internal/movie"
	"movies/search"
)

// Watchlists keeps movies that people want to see. Errors are of the kinds of
// package movie: ErrNotFound for a movie that does not exist, ErrConflict that is
// ErrInvalid too for a list that is full.
type Watchlists interface {
	Watchlist(ctx context.Context, subject string) ([]movie.Watched, error)
	Watch(ctx context.Context, subject string, id int64) error
	Unwatch(ctx context.Context, subject string, id int64) error
}

// Ratings keeps what people think of movies; errors as of Watchlists. Forget
// removes everything that somebody keeps, watchlist included.
type Ratings interface {
	Ratings(ctx context.Context, subject string) ([]movie.UserRating, error)
	Rate(ctx context.Context, subject string, id int64, rating float64) error
	Unrate(ctx context.Context, subject string, id int64) error
	Forget(ctx context.Context, subject string) error
}

// watchlist answers GET /v1/me/watchlist.
func (s *server) watchlist(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Watchlists == nil {
		return notServed("watchlists")
	}
	items, err := s.Accounts.Watchlists.Watchlist(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	return writePrivate(w, map[string]any{"items": orEmpty(items)})
}

// watched answers GET /v1/me/watchlist/{id}: whether the movie is on the list.
func (s *server) watched(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, err := personalTarget(r, s.Accounts.Watchlists != nil, "watchlists")
	if err != nil {
		return err
	}
	items, err := s.Accounts.Watchlists.Watchlist(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(items, func(item movie.Watched) bool { return item.ID == id })
	if at < 0 {
		return &httpError{status: http.StatusNotFound, detail: fmt.Sprintf("movie %d is not on your watchlist", id)}
	}
	return writePrivate(w, items[at])
}

// watch answers PUT /v1/me/watchlist/{id}.
func (s *server) watch(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, err := personalTarget(r, s.Accounts.Watchlists != nil, "watchlists")
	if err == nil {
		err = taken(s.Accounts.Watchlists.Watch(r.Context(), who.Subject, id))
	}
	return noContent(w, err)
}

// unwatch answers DELETE /v1/me/watchlist/{id}.
func (s *server) unwatch(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, err := personalTarget(r, s.Accounts.Watchlists != nil, "watchlists")
	if err == nil {
		err = s.Accounts.Watchlists.Unwatch(r.Context(), who.Subject, id)
	}
	return noContent(w, err)
}

// ratings answers GET /v1/me/ratings.
func (s *server) ratings(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Ratings == nil {
		return notServed("ratings")
	}
	items, err := s.Accounts.Ratings.Ratings(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	return writePrivate(w, map[string]any{"items": orEmpty(items)})
}

// rate answers PUT /v1/me/ratings/{id}.
func (s *server) rate(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, err := personalTarget(r, s.Accounts.Ratings != nil, "ratings")
	if err != nil {
		return err
	}
	body, err := readBody(w, r, "application/json")
	if err != nil {
		return err
	}
	rating, err := parseRating(body)
	if err == nil {
		err = taken(s.Accounts.Ratings.Rate(r.Context(), who.Subject, id, rating))
	}
	return noContent(w, err)
}

// parseRating reads {"rating":8.5}.
func parseRating(body []byte) (float64, error) {
	object, err := decodeObject(body)
	if err != nil {
		return 0, err
	}
	number, ok := object["rating"].(json.Number)
	rating, err := number.Float64()
	if !ok || err != nil || len(object) != 1 || rating < 0 || rating > movie.MaxRating || math.Abs(rating*10-math.Round(rating*10)) > 1e-9 {
		return 0, movie.Invalid("rating", fmt.Sprintf(`must be all there is, a number from 0 to %d in tenths: {"rating":8.5}`, movie.MaxRating))
	}
	return rating, nil
}

// unrate answers DELETE /v1/me/ratings/{id}.
func (s *server) unrate(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, err := personalTarget(r, s.Accounts.Ratings != nil, "ratings")
	if err == nil {
		err = s.Accounts.Ratings.Unrate(r.Context(), who.Subject, id)
	}
	return noContent(w, err)
}

// deleteMe answers DELETE /v1/me: first what the catalogue keeps, then, by auth,
// the sessions. It may be repeated when the second part fails.
func (s *server) deleteMe(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Ratings == nil {
		return notServed("personal lists")
	}
	if err := s.Accounts.Ratings.Forget(r.Context(), who.Subject); err != nil {
		return err
	}
	if s.Auth == nil {
		return noContent(w, nil)
	}
	passOn(s.Auth, w, r)
	return nil
}

// sessions passes /v1/me/sessions on to auth, which knows them.
func (s *server) sessions() http.Handler {
	if s.Auth == nil {
		return s.failing(notServed("sessions"))
	}
	return s.passedOn(s.Auth)
}

// searchWatchlist answers GET /v1/movies?watchlist=true: a search among the
// movies on somebody's own list.
func (s *server) searchWatchlist(w http.ResponseWriter, r *http.Request, req search.Request, v view) error {
	started := time.Now()
	if s.Accounts.Watchlists == nil {
		return notServed("watchlists")
	}
	who, err := s.identify(w, r)
	if err != nil {
		return err
	}
	if req.Only, err = s.watchedIDs(r.Context(), who); err != nil {
		return storageError(s, r, err)
	}
	res, err := s.Searcher.Search(r.Context(), req)
	if err != nil {
		return err
	}
	return s.answerTimed(w, r, v.list(res), started, cachePrivate)
}

// watchedIDs are the movies on somebody's list; never nil, for an empty list finds
// nothing.
func (s *server) watchedIDs(ctx context.Context, who identity.Identity) ([]int64, error) {
	items, err := s.Accounts.Watchlists.Watchlist(ctx, who.Subject)
	ids := make([]int64, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	return ids, err
}

// personalTarget reads which movie a personal route is about.
func personalTarget(r *http.Request, served bool, what string) (int64, error) {
	if !served {
		return 0, notServed(what)
	}
	id, err := parseID("id", "movie", mux.Vars(r)["id"])
	if err != nil && strings.HasPrefix(mux.Vars(r)["id"], "tt") {
		return 0, movie.Invalid("id", "must be the movie's own id here, not its IMDb id")
	}
	return id, err
}

func noContent(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func writePrivate(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client may be gone; nothing is lost
	return nil
}

// orEmpty makes JSON show an empty list as [].
func orEmpty[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
