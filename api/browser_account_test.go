//go:build browser

package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"movies/api"
	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// ada is signed in as an editor, with a watchlist, ratings and a catalogue to
// edit, without a provider and a database. Her access token ends when expired is set,
// until it is renewed.
type ada struct {
	mu      sync.Mutex
	expired bool
	watched map[int64]bool
	rated   map[int64]float64
	stored  map[int64]movie.Movie
	indexed func(movie.Movie)
}

func (a *ada) Authenticate(*http.Request) (identity.Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.expired {
		return identity.Identity{}, errors.New("no proof")
	}
	return identity.Identity{Subject: "ada", Name: "Ada", Roles: []string{identity.Editor}}, nil
}

func (a *ada) Watchlist(context.Context, string) (out []movie.Watched, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.watched {
		out = append(out, movie.Watched{ID: id})
	}
	return out, nil
}

func (a *ada) Watch(_ context.Context, _ string, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watched[id] = true
	return nil
}

func (a *ada) Unwatch(_ context.Context, _ string, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.watched, id)
	return nil
}

func (a *ada) Ratings(context.Context, string) (out []movie.UserRating, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, rating := range a.rated {
		out = append(out, movie.UserRating{ID: id, Rating: rating})
	}
	return out, nil
}

func (a *ada) Rate(_ context.Context, _ string, id int64, rating float64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rated[id] = rating
	return nil
}

func (a *ada) Unrate(_ context.Context, _ string, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rated, id)
	return nil
}

func (a *ada) Forget(context.Context, string) error { return nil }

func (a *ada) Movie(_ context.Context, id int64) (movie.Movie, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, ok := a.stored[id]
	if !ok {
		return m, movie.ErrNotFound
	}
	return m, nil
}

func (a *ada) Create(ctx context.Context, m movie.Movie, e movie.Edit) (movie.Movie, error) {
	m.ID = 999_999
	return a.Replace(ctx, m, e)
}

func (a *ada) Replace(_ context.Context, m movie.Movie, _ movie.Edit) (movie.Movie, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.Revision = a.stored[m.ID].Revision + 1
	a.stored[m.ID] = m
	a.indexed(m)
	return m, nil
}

func (a *ada) Delete(_ context.Context, id int64, _ movie.Edit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.stored, id)
	return nil
}

func (a *ada) rating(id int64) float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rated[id]
}

func (a *ada) title(id int64) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stored[id].Title
}

func (a *ada) watching() int {
	items, _ := a.Watchlist(context.Background(), "")
	return len(items)
}

// ServeHTTP is the part of auth that the page talks to.
func (a *ada) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/auth/login":
		http.Redirect(w, r, r.URL.Query().Get("return_to"), http.StatusSeeOther)
	case "/auth/me":
		_, _ = w.Write([]byte(`{"subject":"ada","name":"Ada","roles":["editor"]}`))
	case "/auth/refresh":
		a.mu.Lock()
		a.expired = false
		a.mu.Unlock()
		_, _ = w.Write([]byte(`{}`))
	case "/auth/logout":
		_, _ = w.Write([]byte(`{"location":"/"}`))
	}
}

// newAda serves the sample to Ada. What auth is asked for is counted.
func newAda(t *testing.T) (*ada, *service, func() int) {
	t.Helper()
	a := &ada{watched: map[int64]bool{}, rated: map[int64]float64{}, stored: map[int64]movie.Movie{}}
	var mu sync.Mutex
	asked := 0
	s := newService(t, wholeSample(t), func(o *api.Options) {
		o.Auth = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked++
			mu.Unlock()
			a.ServeHTTP(w, r)
		})
		o.Accounts = api.Accounts{Authenticator: a, Watchlists: a, Ratings: a, Editor: a}
	})
	a.indexed = func(m movie.Movie) { s.put(m) }
	for _, m := range wholeSample(t) {
		m.Revision = 1
		a.stored[m.ID] = m
	}
	return a, s, func() int { mu.Lock(); defer mu.Unlock(); return asked }
}

// TestBrowserSignedIn: an anonymous page asks nobody who it is; afterwards the
// page shows the name, and watchlist and rating can be changed with the mouse.
func TestBrowserSignedIn(t *testing.T) {
	ada, s, asked := newAda(t)
	b := newTab(t, s.url, 1280, 900)
	b.open("/movies/2401")
	b.wait(`document.querySelector("#sign-in")`)
	if n := asked(); n > 0 {
		t.Errorf("an anonymous page asked auth %d times", n)
	}
	b.click("#sign-in")
	b.wait(`location.pathname === "/movies/2401" && document.getElementById("me")?.textContent === "Ada"`)
	b.wait(`document.querySelector(".watch")?.getAttribute("aria-pressed") === "false"`)
	b.click(".watch")
	b.wait(`document.querySelector(".watch").getAttribute("aria-pressed") === "true"`)
	if n := ada.watching(); n != 1 {
		t.Errorf("%d films are on the watchlist", n)
	}
	b.click(".stars label:nth-of-type(7)")
	b.wait(`document.querySelector(".stars output").textContent === "7"`)
	if got := ada.rating(2401); got != 7 {
		t.Errorf("the rating is %g", got)
	}
	b.check("signed-in")
	b.click("#me")
	b.wait(`document.getElementById("account-menu").matches(":popover-open")`)
	b.check("account-menu")
	b.click("#account-menu a")
	b.wait(`location.pathname === "/watchlist" && document.querySelectorAll(".results > li").length === 1`)
	b.check("watchlist")
	b.click(".results .title")
	b.wait(film)
	b.click("dialog .watch")
	b.wait(`document.querySelector("dialog .watch").getAttribute("aria-pressed") === "false"`)
	b.click("dialog .close")
	b.open("/watchlist")
	b.wait(`document.querySelector(".nothing")`)
	b.check("watchlist-empty")
	b.click("#me")
	b.click("#account-menu button")
	b.wait(`location.pathname === "/" && document.getElementById("sign-in")`)
}

// TestBrowserAccountByKeyboard rates and goes to the watchlist by keys alone, with
// an access token that has ended.
func TestBrowserAccountByKeyboard(t *testing.T) {
	ada, s, _ := newAda(t)
	b := newTab(t, s.url, 320, 640)
	b.open("/movies/2401")
	b.do(chromedp.Focus(chromedp.CSS(".mine a")))
	b.keys(kb.Enter)
	b.wait(`document.querySelector(".stars input")`)
	b.do(chromedp.Focus(chromedp.CSS(".stars input")))
	b.keys(kb.ArrowRight, kb.ArrowRight, kb.ArrowRight)
	b.wait(`document.querySelector(".stars output").textContent === "4"`)
	b.check("small-signed-in")
	b.do(chromedp.Focus(chromedp.CSS(".watch")))
	b.keys(" ")
	b.wait(`document.querySelector(".watch").getAttribute("aria-pressed") === "true"`)
	b.do(chromedp.Focus(chromedp.CSS("#me")))
	b.keys(" ")
	b.wait(`document.getElementById("account-menu").matches(":popover-open")`)
	b.keys(kb.Escape)
	b.wait(`!document.getElementById("account-menu").matches(":popover-open")`)
	b.keys(" ", kb.Tab)
	b.wait(`document.activeElement.textContent === "Watchlist"`)
	ada.mu.Lock()
	ada.expired = true
	ada.mu.Unlock()
	b.keys(kb.Enter)
	b.wait(`location.pathname === "/watchlist" && document.querySelectorAll(".results > li").length === 1`)
	b.expect("401") // which is what renews the token
}

// TestBrowserEditor adds, changes and deletes a film, and is told what is wrong.
func TestBrowserEditor(t *testing.T) {
	ada, s, _ := newAda(t)
	b := newTab(t, s.url, 1280, 900)
	b.open("/")
	b.click("#sign-in")
	b.wait(`document.getElementById("me")`)
	b.open("/?q=seven+samurai")
	b.click(".results .title")
	b.wait(`document.querySelector("dialog .edit-link")`)
	b.click("dialog .edit-link")
	b.wait(`location.pathname === "/movies/2401/edit" && document.querySelector(".edit")`)
	b.check("edit")
	ada.mu.Lock()
	ada.expired = true // while somebody types
	ada.mu.Unlock()
	b.do(chromedp.SetValue(chromedp.CSS("#field-title"), "The Seven Samurai"))
	b.click(".save")
	b.wait(`location.pathname === "/movies/2401" && document.querySelector("h1")?.textContent.startsWith("The Seven Samurai")`)

	b.open("/movies/2401/edit")
	b.do(chromedp.SetValue(chromedp.CSS("#field-imdb_id"), "47478"), chromedp.Focus(chromedp.CSS("#field-imdb_id")))
	b.keys(kb.Enter)
	b.wait(`document.querySelector("[aria-invalid]")?.id === "field-imdb_id" && document.activeElement.role === "alert"`)
	b.check("edit-invalid")
	other := ada.stored[2401]
	other.Overview = "Other words."
	if _, err := ada.Replace(t.Context(), other, movie.Edit{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetValue(chromedp.CSS("#field-imdb_id"), "tt0047478"))
	b.click(".save")
	b.wait(`document.querySelector("#now-overview")?.textContent.includes("Other words.")`)
	b.check("edit-conflict")
	b.click(".save")
	b.wait(`location.pathname === "/movies/2401"`)

	b.open("/movies/2401/edit")
	b.do(chromedp.Focus(chromedp.CSS(".delete summary")))
	b.keys(kb.Enter, kb.Tab, " ", kb.Tab, kb.Enter)
	b.wait(`document.querySelector("h1")?.textContent === "Deleted"`)
	if got := ada.title(2401); got != "" {
		t.Errorf("%s is still there", got)
	}
	b.check("deleted")
	b.open("/movies/new")
	b.do(chromedp.Focus(chromedp.CSS("#field-title")))
	b.keys("N", "e", "w", kb.Enter)
	b.wait(fmt.Sprintf(`location.pathname === "/movies/%d"`, 999_999))
	b.expect("400", "412")
}
