package api

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gorilla/mux"

	"movies/internal/movie"
	"movies/search"
)

// web holds the pages: templates, scripts and styles as plain files, no build step.
//
//go:embed web
var web embed.FS

// The pages are whole without scripts: the server renders every state that an
// address can name, and the scripts only fetch the same pages and swap their
// parts. So there is one rendering, here.
var pages = template.Must(template.New("").ParseFS(web, "web/*.html"))

// contentSecurityPolicy lets a page load its own files and posters, and nothing
// else; no inline script or style.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// frame is what every page has around its content.
type frame struct {
	Title string
	// Text fills the search box.
	Text string
	// Action is where the search box leads, Asks what it is for.
	Action, Asks string
	// SignIn is the address to sign in at; empty where nobody can.
	SignIn string
}

func (s *server) frame(r *http.Request, title, text string) frame {
	f := frame{Title: title, Text: text, Action: "/", Asks: "Search movies and people"}
	if s.Auth != nil {
		back := "/" // to where a form was sent nobody can return
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			back = r.URL.RequestURI()
		}
		f.SignIn = "/auth/login?return_to=" + url.QueryEscape(back)
	}
	return f
}

// render writes a page.
func (s *server) render(w http.ResponseWriter, r *http.Request, policy *cachePolicy, name string, data any) error {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, data); err != nil {
		return err
	}
	securePage(w.Header())
	s.publish(w, r, s.rendered("text/html; charset=utf-8", body.Bytes()), policy)
	return nil
}

func securePage(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("Referrer-Policy", "same-origin")
}

// searchPage answers / : what is searched or browsed, as a page.
func (s *server) searchPage(w http.ResponseWriter, r *http.Request) error {
	req, err := readAddress(r.URL)
	if err != nil {
		return err
	}
	v, err := s.results(r.Context(), req)
	if err != nil {
		return err
	}
	v.frame = s.frame(r, cmp.Or(req.Text, "Movies"), req.Text)
	policy := cacheSearch
	if len(v.Cards) == 0 {
		policy = cacheEmpty
	}
	return s.render(w, r, policy, "search", v)
}

// results is the page of a question, with what narrows it down.
func (s *server) results(ctx context.Context, req search.Request) (resultsView, error) {
	req.Facets = []search.Facet{search.FacetGenre, search.FacetLanguage, search.FacetCountry, search.FacetDecade}
	res, err := s.Searcher.Search(ctx, req)
	if err != nil {
		return resultsView{}, err
	}
	return showResults(req, res), nil
}

// moviePage answers /movies/{id}: one movie and what is like it. An editor comes
// here with the min_revision of what was just saved.
func (s *server) moviePage(w http.ResponseWriter, r *http.Request) error {
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	item, err := s.findMovie(r.Context(), mux.Vars(r)["id"], p.number("min_revision", 1, 1<<62, 0))
	if err != nil {
		return err
	}
	v := showMovie(item.Movie)
	v.frame = s.frame(r, titleAndYear(item.Movie), "")
	for _, like := range s.alike(r.Context(), item.Movie.ID) {
		v.Similar = append(v.Similar, newCard(like))
	}
	return s.render(w, r, cacheLookup, "movie", v)
}

// alike is what the page shows beside a movie. Without it the page is still
// worth having, so a failure shows nothing. It may be as old as a search when the
// page, which is as old as a movie, is given out for the last time.
func (s *server) alike(ctx context.Context, id int64) []search.Item {
	asking, told := search.Trace(ctx)
	res, err := s.Searcher.Search(asking, search.Request{SimilarTo: id, Limit: 8})
	asOf, stale := told.AsOf()
	search.Report(ctx, asOf.Add(cacheSearch.usable-cacheLookup.usable), stale)
	if err != nil {
		s.Log.WarnContext(ctx, "a page has no similar movies", "movie", id, "error", err)
		return nil
	}
	return res.Items
}

// personPage answers /people/{id}: a person's movies.
func (s *server) personPage(w http.ResponseWriter, r *http.Request) error {
	req, err := readAddress(r.URL)
	if err != nil {
		return err
	}
	id := mux.Vars(r)["id"]
	if req.PersonID, err = parseID("id", "person", id); err != nil {
		return err
	}
	res, err := s.Searcher.Search(r.Context(), req)
	if err != nil {
		return err
	}
	who := personJSON{ID: req.PersonID}
	who.describe(res.Items)
	if who.Name == "" {
		return notFound("person", id)
	}
	v := showResults(req, res)
	v.Person, v.Roles = who.Name, strings.Join(who.Roles, ", ")
	v.frame = s.frame(r, who.Name, "")
	return s.render(w, r, cacheSearch, "person", v)
}

// troubleView is what a page says when it cannot show what was asked for.
type troubleView struct {
	frame
	Problem problem
}

// sentence is text that begins with a capital letter.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// wantsPage tells whether an error goes to a person looking at a page.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/v1/")
}

// writeTrouble writes a problem as a page.
func (s *server) writeTrouble(w http.ResponseWriter, r *http.Request, p problem) {
	var body bytes.Buffer
	p.Detail = sentence(p.Detail)
	v := troubleView{frame: s.frame(r, p.Title, r.URL.Query().Get("q")), Problem: p}
	if err := pages.ExecuteTemplate(&body, "trouble", v); err != nil {
		s.Log.ErrorContext(r.Context(), "the page of a problem cannot be shown", "error", err)
		writeProblem(w, p)
		return
	}
	securePage(w.Header())
	forget(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body.Bytes()) // the client may be gone; nothing is lost
}

// assets serves the pages' scripts and styles by name.
func (s *server) assets() http.Handler {
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	files := map[string]*representation{}
	names, _ := fs.Glob(web, "web/*") // fails for bad patterns only
	for _, name := range names {
		if contentType, served := types[path.Ext(name)]; served {
			body, _ := fs.ReadFile(web, name) // embedded
			files[path.Base(name)] = newRepresentation(contentType, body)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := mux.Vars(r)["file"]
		file, ok := files[name]
		if !ok {
			s.fail(w, r, notFound("file", name))
			return
		}
		file.serve(w, r, cacheStatic)
	})
}

// static serves fixed bytes.
func static(contentType string, body []byte) http.Handler {
	p := newRepresentation(contentType, body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, cacheStatic) })
}

// titleAndYear tells movies of one title apart.
func titleAndYear(m movie.Movie) string {
	if m.Year == 0 {
		return m.Title
	}
	return m.Title + " (" + itoa(m.Year) + ")"
}
