package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// export is everything that is kept about somebody.
type export struct {
	Subject    string             `json:"subject"`
	Name       string             `json:"name,omitempty"`
	ExportedAt time.Time          `json:"exported_at"`
	Watchlist  []movie.Watched    `json:"watchlist"`
	Ratings    []movie.UserRating `json:"ratings"`
	// Sessions are auth's to tell; Missing names them while auth does not answer.
	Sessions json.RawMessage `json:"sessions,omitempty"`
	Missing  []string        `json:"missing,omitempty"`
}

// exportMe answers GET /v1/me/export.
func (s *server) exportMe(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Watchlists == nil || s.Accounts.Ratings == nil {
		return notServed("personal lists")
	}
	watchlist, err := s.Accounts.Watchlists.Watchlist(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	ratings, err := s.Accounts.Ratings.Ratings(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	all := export{Subject: who.Subject, Name: who.Name, ExportedAt: time.Now().UTC().Truncate(time.Second),
		Watchlist: orEmpty(watchlist), Ratings: orEmpty(ratings), Sessions: s.sessionsOf(r)}
	if all.Sessions == nil {
		all.Missing = []string{"sessions"}
	}
	w.Header().Set("Content-Disposition", `attachment; filename="movies-export.json"`)
	return writePrivate(w, all)
}

// sessionsPatience is how long an export waits for auth.
const sessionsPatience = 3 * time.Second

// sessionsOf asks auth where the one who asks is signed in; nil when it does not
// tell, for what the catalogue keeps can be exported all the same.
func (s *server) sessionsOf(r *http.Request) json.RawMessage {
	if s.Auth == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), sessionsPatience)
	defer cancel()
	ask := r.Clone(ctx)
	ask.URL.Path, ask.URL.RawPath, ask.URL.RawQuery, ask.RequestURI = "/v1/me/sessions", "", "", "/v1/me/sessions"
	ask.Header.Del("Accept-Encoding")
	answer := &unsent{header: http.Header{}, status: http.StatusOK}
	s.Auth.ServeHTTP(answer, ask)
	var list struct{ Items json.RawMessage }
	if answer.status != http.StatusOK || json.Unmarshal(answer.body.Bytes(), &list) != nil {
		return nil
	}
	return list.Items
}

// unsent is an answer that is not sent.
type unsent struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (u *unsent) Header() http.Header         { return u.header }
func (u *unsent) WriteHeader(status int)      { u.status = status }
func (u *unsent) Write(b []byte) (int, error) { return u.body.Write(b) }
