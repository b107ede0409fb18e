//go:build browser

package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"movies/api"
	"movies/internal/movie"
	"movies/search"
)

// ailing is a searcher that can be made slow, or down.
type ailing struct {
	search.Searcher
	down atomic.Bool
	hold atomic.Pointer[chan struct{}] // what a search waits for
}

func (a *ailing) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	if a.down.Load() {
		return nil, fmt.Errorf("%w: on purpose", movie.ErrUnavailable)
	}
	if hold := a.hold.Load(); hold != nil {
		<-*hold
	}
	return a.Searcher.Search(ctx, r)
}

func newAiling(t *testing.T) (*ailing, *service) {
	a := new(ailing)
	s := newService(t, wholeSample(t), func(o *api.Options) { a.Searcher, o.Searcher = o.Searcher, a })
	return a, s
}

// TestBrowserSlowAndDown: a slow search shows that it is under way and leaves what
// was there; one that fails says so and can be tried again.
func TestBrowserSlowAndDown(t *testing.T) {
	a, s := newAiling(t)
	b := newTab(t, s.url, 1280, 900)
	b.open("/?q=love")
	hold := make(chan struct{})
	a.hold.Store(&hold)
	b.do(chromedp.Focus(chromedp.CSS("#q")), chromedp.SetValue(chromedp.CSS("#q"), "war"))
	b.keys(kb.Enter)
	b.wait(`!document.getElementById("progress").hidden && document.getElementById("content").ariaBusy === "true" && document.querySelector(".results")`)
	b.wait(`document.getElementById("status").textContent.startsWith("Still searching")`)
	b.check("slow")
	a.hold.Store(nil)
	close(hold)
	b.wait(`location.search === "?q=war" && document.getElementById("progress").hidden && document.getElementById("count").textContent.includes("war")`)

	a.down.Store(true)
	b.do(chromedp.ScrollIntoView(chromedp.CSS("#more")))
	b.wait(`document.getElementById("more").textContent.includes("Try again")`)
	b.do(chromedp.SetValue(chromedp.CSS("#q"), "peace"), chromedp.Focus(chromedp.CSS("#q")))
	b.keys(kb.Enter)
	b.wait(`document.querySelector('.trouble[data-status="503"] #again')`)
	b.check("down")
	a.down.Store(false)
	b.click("#again")
	b.wait(`location.search === "?q=peace" && document.querySelector(".results")`)
	b.expect("503")
}

// TestBrowserWithoutScripts searches, filters, sorts and pages with scripts off.
func TestBrowserWithoutScripts(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 1280, 900)
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.open("/")
	b.do(chromedp.SetValue(chromedp.CSS("#q"), "love"))
	b.click(".go")
	b.wait(`location.search.includes("q=love") && document.querySelectorAll(".results > li").length === 20`)
	b.shoot("without-scripts")
	b.click(`[id="genre-Drama"]`)
	b.click(".apply")
	b.wait(`location.search.includes("genre=Drama") && document.querySelector(".chip")`)
	first := b.eval(`document.querySelector(".results .title").href`)
	b.click("#more")
	b.wait(`location.search.includes("cursor=") && document.querySelector(".results .title")`)
	if next := b.eval(`document.querySelector(".results .title").href`); next == first {
		t.Errorf("both pages begin with %s", next)
	}
	b.click(".results .title")
	b.wait(`document.getElementById("film-title") && location.pathname.startsWith("/movies/")`)
}

// TestBrowserTouch picks a suggestion with a finger.
func TestBrowserTouch(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 390, 800)
	b.do(call(emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true}))
	b.open("/")
	b.do(chromedp.Focus(chromedp.CSS("#q")))
	b.keys("k", "u", "r", "o")
	b.wait(`document.querySelector("#suggestions li") && /^[0-9]+ suggestion/.test(document.getElementById("status").textContent)`)
	want := b.eval(`document.querySelector("#suggestions li span").textContent`)
	b.check("small-suggestions")
	var x, y float64
	if _, err := fmt.Sscan(b.eval(`(r => (r.x + r.width / 2) + " " + (r.y + r.height / 2))(document.querySelector("#suggestions li").getBoundingClientRect())`), &x, &y); err != nil {
		t.Fatal(err)
	}
	b.do(call(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: "touchStart", TouchPoints: []*input.TouchPoint{{X: x, Y: y}}}),
		call(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: "touchEnd", TouchPoints: []*input.TouchPoint{}}))
	b.wait(`location.pathname !== "/" && document.getElementById("suggestions").hidden`)
	if got := b.eval(`document.title`); !strings.Contains(got, want) {
		t.Errorf("%q was touched, %q is shown", want, got)
	}
}

// TestBrowserCorrections follows what was meant, takes away what was understood,
// and sorts.
func TestBrowserCorrections(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 1280, 900)
	b.open("/?q=spirted+away")
	b.check("did-you-mean")
	b.click(".list .hint a")
	b.wait(`new URLSearchParams(location.search).get("q") === "spirited away" && document.getElementById("q").value === "spirited away"`)
	b.open("/?q=comedy+1994")
	b.wait(`[...document.querySelectorAll(".chip")].map(c => c.textContent).join() === "Remove Genre: comedy,Remove Year: 1994"`)
	b.check("understood")
	b.click(".chip")
	b.wait(`location.search === "?q=1994" || document.querySelectorAll(".chip").length === 1`)
	b.open("/?q=love")
	b.do(chromedp.Focus(chromedp.CSS(".sort select")))
	b.keys(kb.ArrowDown)
	b.wait(`location.search === "?q=love&sort=popularity" || location.search === "?sort=popularity&q=love"`)
	b.do(chromedp.NavigateBack())
	b.wait(`location.search === "?q=love" && document.querySelector(".sort select").selectedIndex === 0`)
}
