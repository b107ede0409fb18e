package api_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"movies/api"
	"movies/internal/movie"
	"movies/search"
)

// browse asks as a browser does.
func (s *service) browse(path string, status int) string {
	s.t.Helper()
	a := s.get(path, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Fatalf("%s: got %d, %s: %s", path, a.status, a.header.Get("Content-Type"), a.body)
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		s.t.Errorf("%s: the content security policy is %q", path, csp)
	}
	return string(a.body)
}

var (
	filmLink = regexp.MustCompile(`<a class="title" href="/movies/(\d+)">`)
	nextLink = regexp.MustCompile(`<a id="more" rel="next" href="([^"]+)">`)
	chip     = regexp.MustCompile(`<a class="chip" href="([^"]+)"><span class="hidden">Remove </span>([^<]+)<`)
)

func found(page string, pattern *regexp.Regexp) []string {
	out := []string{}
	for _, m := range pattern.FindAllStringSubmatch(page, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// TestPageShowsResultsWithoutScripts walks all results by the links alone.
func TestPageShowsResultsWithoutScripts(t *testing.T) {
	t.Parallel()
	movies := wholeSample(t)[:90]
	s := newService(t, movies)
	var seen []string
	for next := "/?sort=title"; next != ""; {
		page := s.browse(next, 200)
		films := found(page, filmLink)
		if len(films) == 0 {
			t.Fatalf("%s shows no film", next)
		}
		seen = append(seen, films...)
		next = strings.Join(found(page, nextLink), "")
	}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != len(movies) || len(seen) != n {
		t.Errorf("%d films shown, %d different ones, of %d", len(seen), n, len(movies))
	}
}

func TestPageShowsTheQuestion(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	page := s.browse("/?q=alien&genre=horror&from=1970&to=1989&keyword=spaceship", 200)
	if got := found(page, filmLink); !slices.Equal(got, []string{"1"}) {
		t.Errorf("shows the films %v", got)
	}
	for _, part := range []string{
		`value="alien"`, `1 film for “alien”`, `<mark>Alien</mark>`, `id="from" name="from" type="number" inputmode="numeric" min="1870" max="2100" value="1970"`,
		`name="genre" value="Horror" form="search" checked>`, `<input type="hidden" name="keyword" value="spaceship" form="search">`, `<title>alien · Movies</title>`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%s is not in the page", part)
		}
	}
	for _, m := range chip.FindAllStringSubmatch(page, -1) {
		if without := s.browse(html.UnescapeString(m[1]), 200); strings.Contains(without, "Remove </span>"+m[2]) {
			t.Errorf("%q is still there after following it", m[2])
		}
	}
	if n := len(chip.FindAllString(page, -1)); n < 3 {
		t.Errorf("only %d parts can be taken away", n)
	}
	if nothing := s.browse("/?q=zxqwvk", 200); !strings.Contains(nothing, "No film matches.") {
		t.Error("an empty answer gives no advice")
	}
}

func TestFilmAndPersonPages(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	film := s.browse("/movies/1", 200)
	for _, part := range []string{`<title>Alien (1979) · Movies</title>`, `<a href="/people/8">Sigourney Weaver</a>`, `A crew meets a &lt;creature&gt; &amp; dies.`, `href="/?genre=Horror"`, `href="/movies/2"`, `tt0078748`} {
		if !strings.Contains(film, part) {
			t.Errorf("%s is not in the film's page", part)
		}
	}
	if samurai := s.browse("/movies/4", 200); !strings.Contains(samurai, "Shichinin no samurai") || !strings.Contains(samurai, "七人の侍") {
		t.Error("other titles are not in the film's page")
	}
	person := s.browse("/people/8", 200)
	if got := found(person, filmLink); !strings.Contains(person, "Sigourney Weaver") || len(got) != 2 {
		t.Errorf("the person's page shows the films %v", got)
	}
}

// TestProblemsArePagesForPeople, and problem documents for programs.
func TestProblemsArePagesForPeople(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for path, status := range map[string]int{"/?year=x": 400, "/movies/77": 404, "/people/77": 404, "/nothing": 404, "/?cursor=x": 400} {
		if page := s.browse(path, status); !strings.Contains(page, "Browse popular films") {
			t.Errorf("%s leads nowhere", path)
		}
		s.get(path).mustFail(t, status)
	}
	s.get("/v1/movies/77", "Accept: text/html").mustFail(t, 404)
}

// TestPagesHaveNothingInline: what the content security policy would refuse is
// not there, on any kind of page.
func TestPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	s := newService(t, films(), func(o *api.Options) { o.Auth = http.NotFoundHandler() })
	inline := regexp.MustCompile(`<style|<script(>| [^>]*>[^<])|\sstyle=|\son[a-z]+=|javascript:`)
	for path, status := range map[string]int{"/": 200, "/?q=alien": 200, "/?q=zxqwvk": 200, "/movies/4": 200, "/people/8": 200, "/movies/77": 404} {
		page := s.browse(path, status)
		if got := inline.FindString(page); got != "" {
			t.Errorf("%s has %q", path, got)
		}
		if !strings.Contains(page, `href="/auth/login?return_to=`) {
			t.Errorf("%s has no link to sign in", path)
		}
	}
}

func TestHostileTextIsText(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script>`
	s := newService(t, []movie.Movie{{ID: 1, Title: evil, Overview: evil, Akas: []string{evil}, Genres: []string{evil}, Directors: []string{evil}, PosterURL: `https://x/"onerror="alert(1)`, Popularity: 1}})
	for _, path := range []string{"/", "/movies/1", "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/?genre=%22%3E%3Cscript%3E"} {
		if page := s.browse(path, 200); strings.Contains(page, "<script>") || strings.Contains(page, `"onerror`) {
			t.Errorf("%s lets markup through", path)
		}
	}
}

// partly finds a movie, and nothing like it.
type partly struct{ search.Searcher }

func (partly) Lookup(context.Context, search.Lookup) ([]search.Item, error) {
	return []search.Item{{Movie: movie.Movie{ID: 1, Title: "Alien"}}}, nil
}

func (partly) Search(context.Context, search.Request) (*search.Result, error) {
	return nil, fmt.Errorf("%w: too slow", movie.ErrUnavailable)
}

func TestFilmPageWithoutSimilarFilms(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, partly{})
	a := ask(t, http.MethodGet, url+"/movies/1", "Accept: text/html")
	if a.status != 200 || !strings.Contains(string(a.body), "Alien") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := ask(t, http.MethodGet, url+"/", "Accept: text/html"); a.status != 503 || a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "Try again") {
		t.Errorf("the list while search is down: %d %s", a.status, a.body)
	}
}
