package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"movies/internal/movie"
	"movies/search"
)

// listMovies answers GET /v1/movies: search, browse, or many movies by id.
func (s *server) listMovies(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	ids := p.ids("ids", search.MaxIDs)
	v := readView(p)
	req := readRequest(p)
	onWatchlist := p.flag("watchlist")
	if p.values.Has("ids") {
		for name := range p.values {
			if name != "ids" && name != "fields" && name != "limit" && slices.Contains(p.known, name) {
				p.wrong(name, "cannot be combined with ids; fields and limit can")
			}
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	if p.values.Has("ids") {
		items, err := s.Searcher.Lookup(r.Context(), search.Lookup{IDs: ids})
		if err != nil {
			return err
		}
		if p.values.Has("limit") {
			items = items[:min(len(items), req.Limit)]
		}
		res := &search.Result{Items: items, Total: search.Total{Value: int64(len(items)), Exact: true}}
		return s.answerTimed(w, r, v.list(res), started, cacheLookup)
	}
	if onWatchlist {
		return s.searchWatchlist(w, r, req, v)
	}
	res, err := s.Searcher.Search(r.Context(), req)
	if err != nil {
		return err
	}
	return s.answerTimed(w, r, v.list(res), started, cacheList(res))
}

// getMovie answers GET /v1/movies/{id}, by our id or IMDb's.
func (s *server) getMovie(w http.ResponseWriter, r *http.Request) error {
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	v := readView(p)
	least := p.number("min_revision", 1, 1<<62, 0)
	if err := p.err(); err != nil {
		return err
	}
	item, err := s.findMovie(r.Context(), mux.Vars(r)["id"], least)
	if err != nil {
		return err
	}
	w.Header().Set("X-Revision", strconv.FormatInt(item.Movie.Revision, 10))
	return s.answer(w, r, v.item(*item), cacheLookup)
}

// findMovie looks a movie up. With least > 0 it waits, bounded by RevisionWait,
// until searches show the movie at that revision or a later one: a person's write
// is read back, and found.
func (s *server) findMovie(ctx context.Context, id string, least int64) (*search.Item, error) {
	l, err := parseMovieID(id)
	if err != nil {
		return nil, err
	}
	l.Visible = least > 0
	deadline := time.Now().Add(s.RevisionWait)
	for poll := 25 * time.Millisecond; ; poll = min(2*poll, 100*time.Millisecond) {
		items, err := s.Searcher.Lookup(ctx, l)
		switch {
		case err != nil:
			return nil, err
		case len(items) > 0 && items[0].Movie.Revision >= least:
			return &items[0], nil
		case least == 0, len(items) == 0 && time.Now().Add(poll).After(deadline):
			return nil, notFound("movie", id)
		case time.Now().Add(poll).After(deadline):
			return nil, &httpError{status: http.StatusPreconditionFailed, retryAfter: 1,
				detail: "revision " + strconv.FormatInt(least, 10) + " of this movie has not reached search yet"}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// similarMovies answers GET /v1/movies/{id}/similar.
func (s *server) similarMovies(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	v := readView(p)
	req := search.Request{Limit: int(p.number("limit", 1, search.MaxLimit, search.DefaultLimit)), Cursor: p.text("cursor", search.MaxCursor)}
	if err := p.err(); err != nil {
		return err
	}
	item, err := s.findMovie(r.Context(), mux.Vars(r)["id"], 0)
	if err != nil {
		return err
	}
	req.SimilarTo = item.Movie.ID
	res, err := s.Searcher.Search(r.Context(), req)
	if err != nil {
		return err
	}
	return s.answerTimed(w, r, v.list(res), started, cacheList(res))
}

// parseMovieID accepts a positive number or an IMDb id.
func parseMovieID(s string) (search.Lookup, error) {
	if movie.ValidIMDbID(s) {
		return search.Lookup{IMDbIDs: []string{s}}, nil
	}
	id, err := parseID("id", "movie", s)
	return search.Lookup{IDs: []int64{id}}, err
}

func parseID(parameter, kind, s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err == nil && id > 0 {
		return id, nil
	}
	detail := "must be a " + kind + " id (a positive whole number)"
	if kind == "movie" {
		detail = `must be a movie id (a positive whole number) or an IMDb id such as "tt0133093"`
	}
	return 0, movie.Invalid(parameter, detail)
}

func notFound(kind, id string) error {
	return &httpError{status: http.StatusNotFound, detail: "there is no " + kind + " " + id}
}

// readRequest reads the question itself; what it looks like is readView's.
func readRequest(p *params) search.Request {
	r := search.Request{
		Text:      p.text("q", search.MaxText),
		Genres:    p.list("genre", search.MaxFilterValues),
		Languages: p.list("language", search.MaxFilterValues),
		Countries: p.list("country", search.MaxFilterValues),
		Keywords:  p.list("keyword", search.MaxFilterValues),
		People:    p.list("person", search.MaxFilterValues),
		AllGenres: p.choice("genre_mode", "any", "all") == "all",
		Adult:     p.flag("adult"),
		Limit:     int(p.number("limit", 1, search.MaxLimit, search.DefaultLimit)),
		Cursor:    p.text("cursor", search.MaxCursor),
		Highlight: p.flag("highlight"),
		Sort:      readSort(p),
	}
	r.Year.From, r.Year.To = p.bounds("year", movie.MinYear, movie.MaxYear)
	r.Rating.From, r.Rating.To = p.bounds("rating", 0, movie.MaxRating)
	r.Votes.From, r.Votes.To = p.bounds("votes", 0, 1e15)
	r.Runtime.From, r.Runtime.To = p.bounds("runtime", 0, movie.MaxRuntime)
	names := make([]string, len(search.AllFacets))
	for i, f := range search.AllFacets {
		names[i] = string(f)
	}
	for _, name := range p.choices("facets", names) {
		r.Facets = append(r.Facets, search.Facet(name))
	}
	return r
}

func readSort(p *params) search.Sort {
	keys := []search.SortKey{search.SortRelevance, search.SortPopularity, search.SortRating, search.SortYear, search.SortTitle}
	names := make([]string, 0, 2*len(keys))
	for _, k := range keys {
		names = append(names, string(k), "-"+string(k))
	}
	chosen := p.choice("sort", names...)
	if chosen == "" {
		return search.Sort{}
	}
	if chosen[0] == '-' {
		return search.Sort{Key: search.SortKey(chosen[1:]), Reverse: true}
	}
	return search.Sort{Key: search.SortKey(chosen)}
}
