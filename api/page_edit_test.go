package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"movies/api"
	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// sendForm sends a form as a browser does.
func (s *signedInService) sendForm(token, path string, form url.Values, headers ...string) answer {
	s.t.Helper()
	return s.send(token, http.MethodPost, path, form.Encode(), append([]string{"Content-Type: application/x-www-form-urlencoded", "Accept: text/html"}, headers...)...)
}

func (s *signedInService) mustShow(a answer, status int, parts ...string) {
	s.t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" || a.header.Get("Content-Security-Policy") == "" || !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		s.t.Errorf("got %d, %v: %s", a.status, a.header, a.body)
	}
	for _, part := range parts {
		if !strings.Contains(string(a.body), part) {
			s.t.Errorf("%q is not in the page: %s", part, a.body)
		}
	}
}

// TestEditorsForm adds, changes and deletes a movie by forms alone.
func TestEditorsForm(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	s.mustShow(s.send(s.editor, http.MethodGet, "/movies/new", "", "Accept: text/html"), 200, `action="/movies/new"`)
	a := s.sendForm(s.editor, "/movies/new", url.Values{"revision": {"0"}, "title": {" Solaris "}, "year": {"1972"}, "genres": {"Drama\r\n\r\nScience Fiction\r\n"}, "rating": {"8.1"}, "votes": {"9"}, "adult": {""}})
	if a.status != http.StatusSeeOther {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	var id, revision int64
	if _, err := fmt.Sscanf(a.header.Get("Location"), "/movies/%d?min_revision=%d", &id, &revision); err != nil {
		t.Fatalf("leads to %q: %v", a.header.Get("Location"), err)
	}
	stored, err := s.catalog.Movie(t.Context(), id)
	if err != nil || stored.Title != "Solaris" || stored.Year != 1972 || !slices.Equal(stored.Genres, []string{"Drama", "Science Fiction"}) || stored.Rating != 8.1 || stored.Revision != revision {
		t.Fatalf("stored is %+v, %v", stored, err)
	}

	edit := fmt.Sprintf("/movies/%d/edit", id)
	form := url.Values{"revision": {fmt.Sprint(revision)}, "title": {"Solaris"}, "year": {"1972"}, "genres": {"Drama\nScience Fiction"}, "rating": {"8.1"}, "votes": {"9"}, "overview": {"A <planet> thinks."}}
	s.mustShow(s.send(s.editor, http.MethodGet, edit, "", "Accept: text/html"), 200, fmt.Sprintf(`name="revision" value="%d"`, revision), `value="Solaris"`, "Drama\nScience Fiction</textarea>")
	if a := s.sendForm(s.editor, edit, form); a.status != http.StatusSeeOther {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	form.Set("title", "Solyaris")
	s.mustShow(s.sendForm(s.editor, edit, form), 412, "Somebody else changed this film", fmt.Sprintf(`name="revision" value="%d"`, revision+1), `value="Solyaris"`, `<strong>Stored now:</strong> <span>Solaris</span>`)
	form.Set("revision", fmt.Sprint(revision+1))
	if a := s.sendForm(s.editor, edit, form); a.status != http.StatusSeeOther {
		t.Fatalf("saving over it: got %d %s", a.status, a.body)
	}

	gone := fmt.Sprintf("/movies/%d/delete", id)
	s.mustShow(s.sendForm(s.editor, gone, url.Values{"revision": {fmt.Sprint(revision + 2)}}), 400, "ticked")
	s.mustShow(s.sendForm(s.editor, gone, url.Values{"revision": {fmt.Sprint(revision)}, "sure": {"true"}}), 409, "Somebody else changed this film")
	s.mustShow(s.sendForm(s.editor, gone, url.Values{"revision": {fmt.Sprint(revision + 2)}, "sure": {"true"}}), 200, "Solyaris (1972) is deleted")
	s.mustShow(s.send(s.editor, http.MethodGet, edit, "", "Accept: text/html"), 404)
}

// TestFormLosesNothing: whatever is wrong, what was typed comes back with the reason.
func TestFormLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSignedInService(t)
	other := s.create(`{"title":"Stalker","imdb_id":"tt0079944"}`)
	typed := "A sentence nobody wants to type twice & <more>."
	returned := "A sentence nobody wants to type twice &amp; &lt;more&gt;."
	for name, c := range map[string]struct {
		token  string
		change url.Values
		status int
		says   string
	}{
		"no title":     {s.editor, url.Values{"title": {"  "}}, 400, `id="problem-title">is required`},
		"no number":    {s.editor, url.Values{"year": {"last"}, "runtime": {"[]"}}, 400, `id="problem-runtime">must be a number, not &#34;[]&#34;`},
		"out of range": {s.editor, url.Values{"year": {"1066"}}, 400, `id="problem-year">must be from 1870 to 2100, not 1066`},
		"a long line":  {s.editor, url.Values{"cast": {"A\n" + strings.Repeat("b", movie.MaxName+1)}}, 400, `id="problem-cast">line 2 is longer than 500 characters`},
		"taken":        {s.editor, url.Values{"imdb_id": {other.IMDbID}}, 400, `id="problem-imdb_id">`},
		"signed out":   {"", nil, 401, "Sign in in another tab"},
		"no revision":  {s.editor, url.Values{"revision": {"x"}}, 400, "<strong>revision</strong>"},
	} {
		form := url.Values{"revision": {"0"}, "title": {"Mirror"}, "overview": {typed}}
		for field, value := range c.change {
			form[field] = value
		}
		a := s.sendForm(c.token, "/movies/new", form)
		s.mustShow(a, c.status, c.says, returned, `role="alert"`)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	s.mustShow(s.sendForm(s.user, "/movies/new", url.Values{"title": {"Mirror"}}), 403, "That is not yours to do")
	if a := s.sendForm("", "/movies/new", url.Values{"title": {"Mirror"}}, "Sec-Fetch-Site: cross-site"); a.status != 403 || strings.Contains(string(a.body), "Mirror") {
		t.Errorf("a form of another site: %d %s", a.status, a.body)
	}
}

// listed is signed in with a watchlist.
type listed struct {
	api.Watchlists
	ids []int64
}

func (listed) Authenticate(r *http.Request) (identity.Identity, error) {
	if r.Header.Get("Authorization") == "" {
		return identity.Identity{}, fmt.Errorf("no proof")
	}
	return identity.Identity{Subject: "ada"}, nil
}

func (l listed) Watchlist(context.Context, string) (out []movie.Watched, _ error) {
	for _, id := range l.ids {
		out = append(out, movie.Watched{ID: id})
	}
	return out, nil
}

// TestWatchlistPage: the search page over one's own list, kept out of caches.
func TestWatchlistPage(t *testing.T) {
	t.Parallel()
	list := &listed{ids: []int64{1, 4}}
	s := newService(t, films(), func(o *api.Options) {
		o.Auth, o.Accounts = http.NotFoundHandler(), api.Accounts{Authenticator: list, Watchlists: list}
	})
	show := func(path string, status int) string {
		a := s.get(path, "Accept: text/html", "Authorization: Bearer x")
		if a.status != status || !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d, %q", path, a.status, a.header.Get("Cache-Control"))
		}
		return string(a.body)
	}
	page := show("/watchlist?sort=title", 200)
	if got := found(page, filmLink); !slices.Equal(got, []string{"1", "4"}) || !strings.Contains(page, "Your watchlist</h1>") || !strings.Contains(page, `action="/watchlist"`) {
		t.Errorf("shows the films %v: %s", got, page)
	}
	if got := found(show("/watchlist?genre=horror", 200), filmLink); !slices.Equal(got, []string{"1"}) {
		t.Errorf("filtered, it shows the films %v", got)
	}
	if got := found(page, chip); !slices.Equal(got, []string{"/?sort=title"}) {
		t.Errorf("the parts lead to %v", got)
	}
	list.ids = nil
	if page := show("/watchlist", 200); !strings.Contains(page, "Nothing is on your watchlist yet") || len(found(page, filmLink)) > 0 {
		t.Errorf("an empty list shows %s", page)
	}
	if page := s.browse("/watchlist", 401); !strings.Contains(page, `class="sign-in" href="/auth/login?return_to=%2Fwatchlist"`) {
		t.Errorf("signed out, it shows %s", page)
	}
}
