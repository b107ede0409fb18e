//go:build browser

package api_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"movies/api"
	"movies/search"
)

const film = `document.querySelector("dialog[open] #film-title")`

// TestBrowserKeyboard does everything with the keyboard alone.
func TestBrowserKeyboard(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 1280, 900)
	b.open("/")
	b.check("home")
	b.do(chromedp.Focus(chromedp.CSS("#q")))
	if b.eval(`document.getElementById("suggestions").hidden`) != "true" {
		t.Error("suggestions open on focus")
	}
	b.keys("s", "e", "v", "e", "n", " ", "s", "a")
	b.wait(`document.querySelector("#suggestions li")?.textContent.startsWith("Seven Samurai")`)
	b.keys(kb.ArrowDown)
	if got := b.eval(`document.getElementById(document.getElementById("q").getAttribute("aria-activedescendant")).textContent`); got != "Seven Samurai 1954" {
		t.Errorf("the active option is %q", got)
	}
	b.check("suggestions")
	b.keys(kb.Escape)
	b.wait(`document.getElementById("suggestions").hidden && document.getElementById("q").value === "seven sa"`)
	b.keys(kb.ArrowDown)
	b.wait(`!document.getElementById("suggestions").hidden`)
	b.keys(kb.ArrowDown, kb.Enter)
	b.wait(film + `?.textContent.startsWith("Seven Samurai") && document.activeElement.id === "film-title"`)
	if got := b.eval("location.pathname"); got != "/movies/2401" {
		t.Errorf("the film's address is %s", got)
	}
	b.check("film")
	b.keys(kb.Escape)
	b.wait(`!document.getElementById("film").open && location.pathname === "/"`)

	b.do(chromedp.Focus(chromedp.CSS("#q")), chromedp.SetValue(chromedp.CSS("#q"), "love"))
	b.keys(kb.Enter)
	b.wait(`location.search === "?q=love" && document.getElementById("count").textContent.includes("love")`)
	b.do(chromedp.Focus(chromedp.CSS(`[id="genre-Drama"]`)))
	b.keys(" ")
	b.wait(`location.search.includes("genre=Drama") && document.querySelector(".chip") && document.activeElement.id === "genre-Drama"`)
	b.check("filtered")
	b.do(chromedp.NavigateBack())
	b.wait(`location.search === "?q=love" && !document.querySelector(".chip")`)
}

// TestBrowserMouse follows parts, bars, pages and films with the mouse.
func TestBrowserMouse(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 1280, 900)
	b.open("/?genre=Drama&q=love")
	b.click(".chip")
	b.wait(`location.search === "?q=love" && !document.querySelector(".chip")`)
	b.click(".years li:nth-last-child(3) a")
	b.wait(`location.search.includes("year=2000..2009") && document.getElementById("from").value === "2000"`)
	b.open("/")
	b.do(chromedp.ScrollIntoView(chromedp.CSS("#more")))
	b.wait(`document.querySelectorAll(".results > li").length > 20`)
	b.eval(`scrollTo(0, 0)`)
	b.click(".results li:nth-child(2) .title")
	b.wait(film)
	b.click("dialog .tile")
	b.wait(`history.state?.films === 2`)
	b.click("dialog .close")
	b.wait(`!document.getElementById("film").open && location.pathname === "/" && document.querySelectorAll(".results > li").length > 20`)
	b.do(chromedp.NavigateForward())
	b.wait(film)
	b.click(`dialog a[href^="/people/"]`)
	b.wait(`location.pathname.startsWith("/people/") && !document.getElementById("film").open && document.querySelector(".results")`)
	b.check("person")
	b.open("/movies/2401")
	b.check("film-page")
	b.open("/?q=zxqwvk")
	b.check("nothing")
}

// TestBrowserSmallAndDark: the narrowest screen, the sheet of filters, dark mode.
func TestBrowserSmallAndDark(t *testing.T) {
	s := newService(t, wholeSample(t))
	b := newTab(t, s.url, 320, 640)
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}}))
	b.open("/?q=love")
	b.check("small")
	b.click(".open-filters")
	b.wait(`document.getElementById("filters").matches(":popover-open")`)
	b.click(`[id="genre-Comedy"]`)
	b.wait(`location.search.includes("genre=Comedy") && document.getElementById("filters").matches(":popover-open")`)
	b.check("small-filters")
	b.click(".done")
	b.wait(`!document.getElementById("filters").matches(":popover-open")`)
	b.open("/movies/2401")
	b.check("small-film")
	b.do(chromedp.EmulateViewport(640, 512, chromedp.EmulateScale(2))) // 1280 by 1024 at 200 % zoom
	b.open("/")
	b.check("zoomed")
}

// dawdling holds up suggestions for one text.
type dawdling struct {
	search.Searcher
	text    string
	entered chan struct{}
	release chan struct{}
}

func (d dawdling) Suggest(ctx context.Context, r search.SuggestRequest) (*search.Suggestions, error) {
	if r.Text == d.text {
		d.entered <- struct{}{}
		<-d.release // on purpose not until the client has left: its answer must be too late
	}
	return d.Searcher.Suggest(context.WithoutCancel(ctx), r)
}

// TestBrowserLateSuggestions: an old answer never replaces a newer one.
func TestBrowserLateSuggestions(t *testing.T) {
	d := dawdling{text: "se", entered: make(chan struct{}, 1), release: make(chan struct{})}
	s := newService(t, wholeSample(t), func(o *api.Options) { d.Searcher, o.Searcher = o.Searcher, &d })
	let := sync.OnceFunc(func() { close(d.release) })
	t.Cleanup(let) // the server waits for its requests
	b := newTab(t, s.url, 1280, 900)
	b.open("/")
	b.do(chromedp.Focus(chromedp.CSS("#q")))
	b.keys("s", "e")
	<-d.entered
	b.keys("v", "e")
	b.wait(`document.querySelector("#suggestions li")?.textContent.includes("Seven")`)
	before := b.eval(`document.getElementById("suggestions").textContent`)
	let()
	<-time.After(300 * time.Millisecond)
	if after := b.eval(`document.getElementById("suggestions").textContent`); after != before {
		t.Errorf("suggestions went from %q to %q", before, after)
	}
}

// TestBrowserIsQuickAndStill: the first results are painted soon, and nothing moves.
func TestBrowserIsQuickAndStill(t *testing.T) {
	s := newService(t, wholeSample(t))
	s.get("/") // the engine's first question takes longer
	b := newTab(t, s.url, 1280, 900)
	b.do(call(cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `window.shift = 0; window.paint = 0;
		new PerformanceObserver(l => l.getEntries().forEach(e => { if (!e.hadRecentInput) window.shift += e.value })).observe({type: "layout-shift", buffered: true});
		new PerformanceObserver(l => l.getEntries().forEach(e => { window.paint = e.startTime })).observe({type: "largest-contentful-paint", buffered: true});`}))
	b.open("/")
	b.wait(`window.paint > 0 && document.querySelector(".results")`)
	t.Logf("largest paint after %s ms, layout shift %s", b.eval("Math.round(window.paint)"), b.eval("window.shift"))
	if b.eval("window.paint < 1000") != "true" {
		t.Error("results are painted later than 1 s after the load began")
	}
	if b.eval("window.shift < 0.1") != "true" {
		t.Error("the layout shifts")
	}
}
