package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/api"
	"movies/internal/movie"
)

type list struct{ Items []struct{ ID int64 } }

func (s *signedInService) listed(token, path string) []int64 {
	s.t.Helper()
	a := s.send(token, http.MethodGet, path, "")
	if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("GET %s: %d %q %s", path, a.status, a.header.Get("Cache-Control"), a.body)
	}
	ids := []int64{}
	for _, item := range decode[list](s.t, a).Items {
		ids = append(ids, item.ID)
	}
	return ids
}

func (s *signedInService) must(status int, token, method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.send(token, method, path, body, headers...)
	if a.status != status {
		s.t.Errorf("%s %s: got %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

func TestWatchlist(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	one, two := s.create(`{"title":"one"}`), s.create(`{"title":"two"}`)
	at := func(id int64) string { return fmt.Sprintf("/v1/me/watchlist/%d", id) }
	for range 2 { // twice is as once
		s.must(204, s.user, http.MethodPut, at(one.ID), "")
	}
	s.must(204, s.user, http.MethodPut, at(two.ID), "")
	if diff := cmp.Diff([]int64{two.ID, one.ID}, s.listed(s.user, "/v1/me/watchlist")); diff != "" {
		t.Error(diff)
	}
	s.must(200, s.user, http.MethodGet, at(one.ID), "")
	s.must(404, s.editor, http.MethodGet, at(one.ID), "")
	if got := s.listed(s.editor, "/v1/me/watchlist"); len(got) != 0 {
		t.Errorf("another person sees %v", got)
	}
	s.must(204, s.editor, http.MethodDelete, at(one.ID), "") // of their own list
	if got := s.listed(s.user, "/v1/me/watchlist"); len(got) != 2 {
		t.Errorf("another person removed from the list: %v", got)
	}
	for range 2 {
		s.must(204, s.user, http.MethodDelete, at(one.ID), "")
	}
	s.must(404, s.user, http.MethodGet, at(one.ID), "")
	s.must(404, s.user, http.MethodPut, at(999999), "")
	s.must(400, s.user, http.MethodPut, "/v1/me/watchlist/tt0000001", "")
	s.must(401, "", http.MethodPut, at(one.ID), "")
	s.must(401, "", http.MethodGet, "/v1/me/watchlist", "")

	s.must(204, s.editor, http.MethodDelete, fmt.Sprintf("/v1/movies/%d", two.ID), "", `If-Match: "1"`)
	if got := s.listed(s.user, "/v1/me/watchlist"); len(got) != 0 {
		t.Errorf("a deleted movie is still on the list: %v", got)
	}
}

func TestRatings(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	m := s.create(`{"title":"rated","rating":8,"votes":3}`)
	at := fmt.Sprintf("/v1/me/ratings/%d", m.ID)
	for _, bad := range []string{``, `{}`, `{"rating":11}`, `{"rating":-1}`, `{"rating":"8"}`, `{"rating":null}`, `{"rating":8.55}`, `{"rating":8,"x":1}`, `[8]`, `8`, `{"rating":1e400}`} {
		s.must(400, s.user, http.MethodPut, at, bad, "Content-Type: application/json")
	}
	s.must(204, s.user, http.MethodPut, at, `{"rating":2}`)
	for range 2 {
		s.must(204, s.user, http.MethodPut, at, `{"rating":4.0}`)
	}
	s.must(404, s.user, http.MethodPut, "/v1/me/ratings/999999", `{"rating":4}`)
	s.must(401, "", http.MethodPut, at, `{"rating":4}`)
	if diff := cmp.Diff([]int64{m.ID}, s.listed(s.user, "/v1/me/ratings")); diff != "" {
		t.Error(diff)
	}
	s.must(204, s.editor, http.MethodPut, at, `{"rating":10}`)
	s.figures(m.ID, (8*3+4+10)/5.0, 5)

	// An editor who sends back what readers see does not mix the users in twice.
	edited := fmt.Sprintf("/v1/movies/%d", m.ID)
	a := s.must(200, s.editor, http.MethodPut, edited, `{"title":"renamed","rating":7.6,"votes":5}`, `If-Match: "1"`)
	if got := s.decode(a); got.Rating != 7.6 || got.Votes != 5 {
		t.Errorf("the answer shows %v of %d votes", got.Rating, got.Votes)
	}
	s.figures(m.ID, 7.6, 5)
	s.must(200, s.editor, http.MethodPatch, edited, `{"rating":6,"votes":1}`, `If-Match: "2"`)
	s.figures(m.ID, (6+4+10)/3.0, 3)

	s.must(204, s.editor, http.MethodDelete, at, "")
	s.must(204, s.user, http.MethodDelete, at, "")
	s.must(204, s.user, http.MethodDelete, at, "")
	s.figures(m.ID, 6, 1)
}

// figures checks the movie's rating and votes as readers see them.
func (s *signedInService) figures(id int64, rating float64, votes int64) {
	s.t.Helper()
	if _, err := s.catalog.FoldRatings(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.catalog.Documents(s.t.Context(), []int64{id})
	if err != nil || len(got) != 1 {
		s.t.Fatal(got, err)
	}
	if d := got[0].Rating - rating; d > 0.006 || d < -0.006 || got[0].Votes != votes {
		s.t.Errorf("got %v of %d votes, want %.2f of %d", got[0].Rating, got[0].Votes, rating, votes)
	}
}

func TestExportAndDeletionOfOnesOwnData(t *testing.T) {
	t.Parallel()
	var passedOn []string
	authDown := false
	s := newSignedInService(t, func(o *api.Options) {
		o.Auth = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			passedOn = append(passedOn, r.Method+" "+r.URL.Path)
			switch {
			case r.Method != http.MethodGet:
				w.WriteHeader(http.StatusNoContent)
			case authDown:
				api.SignInUnavailable(w, r)
			default:
				_, _ = w.Write([]byte(`{"items":[{"id":"x","current":true}]}`))
			}
		})
	})
	m := s.create(`{"title":"mine","rating":8,"votes":1}`)
	for _, token := range []string{s.user, s.editor} {
		s.must(204, token, http.MethodPut, fmt.Sprintf("/v1/me/watchlist/%d", m.ID), "")
		s.must(204, token, http.MethodPut, fmt.Sprintf("/v1/me/ratings/%d", m.ID), `{"rating":2}`)
	}
	s.figures(m.ID, 4, 3)
	var export struct {
		Subject   string
		Watchlist []movie.Watched
		Ratings   []movie.UserRating
		Sessions  []struct{ ID string }
		Missing   []string
	}
	a := s.must(200, s.user, http.MethodGet, "/v1/me/export", "")
	if err := json.Unmarshal(a.body, &export); err != nil {
		t.Fatal(err)
	}
	if export.Subject != "demo-user" || len(export.Watchlist) != 1 || len(export.Ratings) != 1 || export.Ratings[0].Rating != 2 ||
		len(export.Sessions) != 1 || export.Sessions[0].ID != "x" || export.Missing != nil {
		t.Errorf("export: %s", a.body)
	}
	authDown = true
	if a := s.must(200, s.user, http.MethodGet, "/v1/me/export", ""); !strings.Contains(string(a.body), `"missing":["sessions"]`) || !strings.Contains(string(a.body), `"rating":2`) {
		t.Errorf("export while auth is down: %s", a.body)
	}
	s.must(204, s.user, http.MethodDelete, "/v1/me", "")
	if len(s.listed(s.user, "/v1/me/watchlist"))+len(s.listed(s.user, "/v1/me/ratings")) != 0 {
		t.Error("something is left")
	}
	if len(s.listed(s.editor, "/v1/me/watchlist"))+len(s.listed(s.editor, "/v1/me/ratings")) != 2 {
		t.Error("another person lost something")
	}
	s.figures(m.ID, 5, 2)
	s.must(204, s.user, http.MethodDelete, "/v1/me/sessions/x", "")
	if diff := cmp.Diff([]string{"GET /v1/me/sessions", "GET /v1/me/sessions", "DELETE /v1/me", "DELETE /v1/me/sessions/x"}, passedOn); diff != "" {
		t.Error(diff)
	}
}

// Reading the catalogue needs no proof; a bearer token that is no good is told all
// the same, and a cookie that has expired keeps nobody from reading.
func TestReadsWithBadProofs(t *testing.T) {
	t.Parallel()
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts)
	expired, err := people.provider.Token("demo-user", -time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/movies", "/v1/movies/1", "/v1/suggest?q=a", "/v1/people/8", "/v1/movies/1/similar"} {
		for proof, status := range map[string]int{
			"Authorization: Bearer " + people.user:       200,
			"Authorization: Bearer " + expired:           401,
			"Authorization: Bearer " + people.user + "x": 401,
			"Authorization: Basic ZGVtbzpkZW1v":          401,
			"Cookie: access=expired":                     200,
		} {
			a := s.get(path, proof)
			if a.status != status || status == 401 && !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
				t.Errorf("%s with %.25s: %d %s", path, proof, a.status, a.body)
			}
		}
	}
}

func TestSearchOfOnesWatchlist(t *testing.T) {
	t.Parallel()
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts)
	for _, id := range []int64{2, 4, 77} {
		people.create(fmt.Sprintf(`{"id":%d,"title":"film %d"}`, id, id))
	}
	bearer := "Authorization: Bearer " + people.user
	if a := s.get("/v1/movies?watchlist=true", bearer); len(decode[page](t, a).Items) != 0 || a.status != http.StatusOK {
		t.Errorf("an empty list: %d %s", a.status, a.body)
	}
	for _, id := range []int64{2, 4, 77} {
		people.must(204, people.user, http.MethodPut, fmt.Sprintf("/v1/me/watchlist/%d", id), "")
	}
	a := s.get("/v1/movies?watchlist=true", bearer)
	if diff := cmp.Diff([]int64{2, 4}, decode[page](t, a).ids()); diff != "" || a.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%q %s", a.header.Get("Cache-Control"), diff)
	}
	if diff := cmp.Diff([]int64{4}, decode[page](t, s.get("/v1/movies?watchlist=true&genre=drama", bearer)).ids()); diff != "" {
		t.Error(diff)
	}
	if got := decode[page](t, s.get("/v1/movies?watchlist=true", "Authorization: Bearer "+people.editor)).ids(); len(got) != 0 {
		t.Errorf("another person finds %v", got)
	}
	s.get("/v1/movies?watchlist=true").mustFail(t, http.StatusUnauthorized)
}
