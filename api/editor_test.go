package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/api"
	"movies/internal/movie"
)

func TestEditorsWriteMovies(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	a := s.send(s.editor, http.MethodPost, "/v1/movies", `{"title":"Solaris","year":1972,"imdb_id":"tt0069293","genres":["Drama"],
		"directors":["Andrei Tarkovsky"],"cast":["Natalya Bondarchuk","Donatas Banionis"],"akas":["Солярис"],"rating":8,"votes":90000}`)
	m := s.decode(a)
	at := fmt.Sprintf("/v1/movies/%d", m.ID)
	if a.status != http.StatusCreated || a.header.Get("Location") != at || m.ID == 0 || m.Revision != 1 || a.header.Get("ETag") != `"1"` || len(m.People) != 3 {
		t.Fatalf("create: %d %v %s", a.status, a.header, a.body)
	}

	a = s.send(s.editor, http.MethodPatch, at, `{"runtime":167,"year":null,"cast":["Donatas Banionis","Jüri Järvet"]}`, `If-Match: "1"`, "Content-Type: application/merge-patch+json")
	patched := s.decode(a)
	want := m
	want.Runtime, want.Year, want.Revision, want.Cast = 167, 0, 2, []string{"Donatas Banionis", "Jüri Järvet"}
	want.People = nil
	bare := patched
	bare.People = nil
	if diff := cmp.Diff(want, bare); a.status != http.StatusOK || diff != "" {
		t.Errorf("patch: %d %s", a.status, diff)
	}
	ids := map[string]int64{}
	for _, p := range append(m.People, patched.People...) {
		if known := ids[p.Name]; known != 0 && known != p.ID {
			t.Errorf("%s is another person now: %d and %d", p.Name, known, p.ID)
		}
		ids[p.Name] = p.ID
	}

	a = s.send(s.editor, http.MethodPut, at, `{"title":"Solyaris"}`, `If-Match: "2"`)
	if diff := cmp.Diff(movie.Movie{ID: m.ID, Title: "Solyaris", Revision: 3, People: []movie.Credit{}}, orNoPeople(s.decode(a))); a.status != http.StatusOK || diff != "" {
		t.Errorf("put: %d %s", a.status, diff)
	}
	a = s.send(s.editor, http.MethodPut, at, `{"title":"Solyaris"}`, `If-Match: "3"`)
	if got := s.decode(a); a.status != http.StatusOK || got.Revision != 3 {
		t.Errorf("the same again: %d, revision %d", a.status, got.Revision)
	}
	if a := s.send(s.editor, http.MethodDelete, at, "", `If-Match: "3"`); a.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	s.send(s.editor, http.MethodDelete, at, "", `If-Match: "3"`).mustFail(t, http.StatusNotFound)

	edits, err := s.catalog.Edits(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range edits {
		got = append(got, fmt.Sprintf("%s by %s: %s -> %s", e.Action, e.By, titleOf(e.Before), titleOf(e.After)))
	}
	if diff := cmp.Diff([]string{"create by demo-editor: - -> Solaris", "change by demo-editor: Solaris -> Solaris",
		"change by demo-editor: Solaris -> Solyaris", "delete by demo-editor: Solyaris -> -"}, got); diff != "" {
		t.Error(diff)
	}
}

func titleOf(m *movie.Movie) string {
	if m == nil {
		return "-"
	}
	return m.Title
}

func orNoPeople(m movie.Movie) movie.Movie {
	if m.People == nil {
		m.People = []movie.Credit{}
	}
	return m
}

func TestWritesWithoutRightOrRevisionAreRefused(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	m := s.create(`{"title":"Kept","imdb_id":"tt0000001"}`)
	s.create(`{"title":"Other","imdb_id":"tt0000002"}`)
	at := fmt.Sprintf("/v1/movies/%d", m.ID)
	const current = `If-Match: "1"`
	for _, c := range []struct {
		name, token, method, path, body string
		headers                         []string
		status                          int
	}{
		{"anonymous", "", "PUT", at, `{"title":"x"}`, []string{current}, 401},
		{"anonymous create", "", "POST", "/v1/movies", `{"title":"x"}`, nil, 401},
		{"no token", "nonsense", "PUT", at, `{"title":"x"}`, []string{current}, 401},
		{"token changed", s.editor[:len(s.editor)-4] + "AAAA", "PUT", at, `{"title":"x"}`, []string{current}, 401},
		{"basic credentials", "", "DELETE", at, "", []string{current, "Authorization: Basic ZGVtbzpkZW1v"}, 401},
		{"a user's role", s.user, "PUT", at, `{"title":"x"}`, []string{current}, 403},
		{"a user deletes", s.user, "DELETE", at, "", []string{current}, 403},
		{"a user who says they are an editor", s.user, "PATCH", at, `{"roles":["editor"]}`, []string{current, "X-Roles: editor"}, 403},
		{"no revision", s.editor, "PUT", at, `{"title":"x"}`, nil, 428},
		{"no revision for delete", s.editor, "DELETE", at, "", nil, 428},
		{"no revision for patch", s.editor, "PATCH", at, `{}`, nil, 428},
		{"another revision", s.editor, "PUT", at, `{"title":"x"}`, []string{`If-Match: "7"`}, 412},
		{"another revision for patch", s.editor, "PATCH", at, `{"title":"x"}`, []string{`If-Match: "7"`}, 412},
		{"another revision for delete", s.editor, "DELETE", at, "", []string{`If-Match: "7"`}, 412},
		{"any revision", s.editor, "PUT", at, `{"title":"x"}`, []string{`If-Match: *`}, 400},
		{"weak revision", s.editor, "PUT", at, `{"title":"x"}`, []string{`If-Match: W/"1"`}, 400},
		{"bare revision", s.editor, "PUT", at, `{"title":"x"}`, []string{`If-Match: 1`}, 400},
		{"no such movie", s.editor, "PUT", "/v1/movies/999999", `{"title":"x"}`, []string{current}, 404},
		{"no such movie to patch", s.editor, "PATCH", "/v1/movies/999999", `{"title":"x"}`, []string{current}, 404},
		{"no title", s.editor, "PUT", at, `{"year":1999}`, []string{current}, 400},
		{"title removed", s.editor, "PATCH", at, `{"title":null}`, []string{current}, 400},
		{"unknown field", s.editor, "PATCH", at, `{"titel":"x"}`, []string{current}, 400},
		{"wrong value", s.editor, "PATCH", at, `{"year":"1999"}`, []string{current}, 400},
		{"a list", s.editor, "PATCH", at, `[]`, []string{current}, 400},
		{"null", s.editor, "PATCH", at, `null`, []string{current}, 400},
		{"no JSON", s.editor, "POST", "/v1/movies", `{"title"`, nil, 400},
		{"another id", s.editor, "PUT", at, `{"id":2,"title":"x"}`, []string{current}, 400},
		{"a form", s.editor, "POST", "/v1/movies", `title=x`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		{"too large", s.editor, "POST", "/v1/movies", `{"title":"` + strings.Repeat("x", 600<<10) + `"}`, nil, 413},
		{"id taken", s.editor, "POST", "/v1/movies", fmt.Sprintf(`{"id":%d,"title":"x"}`, m.ID), nil, 409},
		{"imdb_id taken", s.editor, "POST", "/v1/movies", `{"title":"x","imdb_id":"tt0000001"}`, nil, 409},
		{"imdb_id taken by a change", s.editor, "PATCH", at, `{"imdb_id":"tt0000002"}`, []string{current}, 409},
	} {
		a := s.send(c.token, c.method, c.path, c.body, c.headers...)
		if a.status != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, a.status, a.body, c.status)
			continue
		}
		p := a.mustFail(t, c.status)
		if c.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no challenge", c.name)
		}
		if p.Detail == "" || strings.Contains(p.Detail, "pgx") || strings.Contains(p.Detail, "SQLSTATE") {
			t.Errorf("%s: detail %q", c.name, p.Detail)
		}
	}
	got, err := s.catalog.Movie(t.Context(), m.ID)
	if err != nil || got.Title != "Kept" || got.Revision != 1 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

// Of editors who saw the same revision exactly one wins.
func TestNoEditIsLost(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	m := s.create(`{"title":"0"}`)
	at := fmt.Sprintf("/v1/movies/%d", m.ID)
	const editors = 8
	statuses := make([]int, editors)
	var all sync.WaitGroup
	for i := range editors {
		all.Go(func() {
			statuses[i] = s.send(s.editor, http.MethodPatch, at, fmt.Sprintf(`{"title":"%d"}`, i+1), `If-Match: "1"`).status
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != editors-1 {
		t.Errorf("statuses %v", count)
	}
}

func TestOtherSitesCannotEdit(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"another site with cookies":  {[]string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site", "Cookie: access=x"}, 403},
		"old browser, another site":  {[]string{"Origin: https://evil.test", "Cookie: access=x"}, 403},
		"own site, bad cookie":       {[]string{"Origin: " + s.url, "Sec-Fetch-Site: same-origin", "Cookie: access=x"}, 401},
		"listed site, bad cookie":    {[]string{"Origin: https://app.test", "Sec-Fetch-Site: cross-site", "Cookie: access=x"}, 401},
		"another site with a bearer": {[]string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site", "Authorization: Bearer " + s.editor}, 201},
	} {
		a := s.send("", http.MethodPost, "/v1/movies", `{"title":"x"}`, c.headers...)
		if a.status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, a.status, a.body, c.status)
		}
		if listed := strings.Contains(name, "listed"); listed != (a.header.Get("Access-Control-Allow-Origin") == "https://app.test") {
			t.Errorf("%s: allowed origin %q", name, a.header.Get("Access-Control-Allow-Origin"))
		}
	}
	pre := s.send("", http.MethodOptions, "/v1/movies", "", "Origin: https://app.test", "Access-Control-Request-Method: POST")
	if pre.status != http.StatusNoContent || !strings.Contains(pre.header.Get("Access-Control-Allow-Methods"), "PATCH") {
		t.Errorf("preflight: %d %v", pre.status, pre.header)
	}
	if pre := s.send("", http.MethodOptions, "/v1/movies", "", "Origin: https://evil.test", "Access-Control-Request-Method: POST"); pre.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another site: %d %v", pre.status, pre.header)
	}
}

func TestPostgresDownStopsWritingOnly(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for connections to be refused")
	}
	s := newSignedInServiceAt(t, "postgres://u:hunter2@127.0.0.1:1/movies?connect_timeout=1")
	a := s.send(s.editor, http.MethodPost, "/v1/movies", `{"title":"x"}`)
	if p := a.mustFail(t, http.StatusServiceUnavailable); a.header.Get("Retry-After") == "" || strings.Contains(p.Detail, "hunter2") || !strings.Contains(p.Detail, "Writing") {
		t.Errorf("got %+v", p)
	}
	if a := s.send("", http.MethodGet, "/healthz", ""); a.status != http.StatusOK {
		t.Errorf("healthz: %d", a.status)
	}
}

func TestServerForTheCatalogueOnly(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, nil)
	ask(t, http.MethodDelete, address+"/v1/movies/1", `If-Match: "1"`).mustFail(t, http.StatusNotImplemented)
}

func TestWritesOfOnePersonAreLimited(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t, func(o *api.Options) { o.Limits = api.Limits{PerClient: 1e6, Burst: 1e6} })
	limited := 0
	for begin := time.Now(); time.Since(begin) < 20*time.Second && limited == 0; {
		a := s.send(s.editor, http.MethodDelete, "/v1/movies/77", "")
		if a.status == http.StatusTooManyRequests {
			limited++
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	if limited == 0 {
		t.Error("an editor was never limited")
	}
	if a := s.send(s.user, http.MethodDelete, "/v1/movies/77", ""); a.status != http.StatusForbidden {
		t.Errorf("another person: %d", a.status)
	}
}

// Signing in is limited by address, apart from everything else that it may do.
func TestSignInsOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t, func(o *api.Options) {
		o.Limits = api.Limits{PerClient: 1e6, Burst: 1e6}
		o.Auth = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	})
	for _, path := range []string{"/auth/login", "/auth/callback?code=x&state=y"} {
		for begin, limited := time.Now(), false; !limited; {
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("%s was never limited", path)
			}
			a := s.send("", http.MethodGet, path, "")
			if limited = a.status == http.StatusTooManyRequests; limited && a.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
	}
	for _, path := range []string{"/auth/me", "/auth/refresh"} {
		if a := s.send("", http.MethodGet, path, ""); a.status != http.StatusNoContent {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
