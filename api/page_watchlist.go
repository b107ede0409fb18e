package api

import (
	"cmp"
	"net/http"

	"movies/internal/auth/identity"
)

// watchlistPage answers /watchlist: the search page, over somebody's own list.
func (s *server) watchlistPage(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Watchlists == nil {
		return notServed("watchlists")
	}
	req, err := readAddress(r.URL)
	if err != nil {
		return err
	}
	if req.Only, err = s.watchedIDs(r.Context(), who); err != nil {
		return err
	}
	v, err := s.results(r.Context(), req)
	if err != nil {
		return err
	}
	v.frame = s.frame(r, cmp.Or(req.Text, "Your watchlist"), req.Text)
	v.Action, v.Asks = watchlistPath, "Search your watchlist"
	return s.render(w, r, cachePrivate, "search", v)
}
