package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/movie"
	"movies/search"
)

// TestAddressIsTheWholeState: whatever is asked, its address asks the same.
func TestAddressIsTheWholeState(t *testing.T) {
	values := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-zé&=+ ]{0,8}[a-z]`), 0, 3, strings.TrimSpace)
	ends := func(t *rapid.T, least, most int, name string) search.Range {
		from, to := rapid.IntRange(least, most).Draw(t, name), rapid.IntRange(least, most).Draw(t, name)
		if from > to {
			from, to = to, from
		}
		return years(from*rapid.IntRange(0, 1).Draw(t, name), to*rapid.IntRange(0, 1).Draw(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		r := search.Request{
			Text: strings.TrimSpace(rapid.StringMatching(`[a-z"\-+%&é ]{0,20}`).Draw(t, "text")), Genres: values.Draw(t, "genres"), Languages: values.Draw(t, "languages"),
			People: values.Draw(t, "people"), Keywords: values.Draw(t, "keywords"), AllGenres: rapid.Bool().Draw(t, "all"), Adult: rapid.Bool().Draw(t, "adult"),
			Year: ends(t, 1900, 2030, "year"), Votes: ends(t, 1, 1e9, "votes"), Runtime: ends(t, 1, 300, "runtime"),
			Sort:  search.Sort{Key: rapid.SampledFrom([]search.SortKey{"", search.SortYear, search.SortTitle}).Draw(t, "sort")},
			Limit: search.DefaultLimit,
		}
		r.Sort.Reverse = r.Sort.Key != "" && rapid.Bool().Draw(t, "reverse")
		r.Highlight = r.Text != ""
		u, err := url.Parse(address(r))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAddress(u)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Normalize(), got.Normalize()); diff != "" {
			t.Fatalf("%s: %s", u, diff)
		}
	})
}

func TestAddressesFromForms(t *testing.T) {
	for query, want := range map[string]string{
		"q=&from=&to=&sort=":       "/",
		"from=1990&to=1999":        "/?year=1990..1999",
		"from=1999&to=1990":        "/?year=1990..1999",
		"to=1950&genre=&genre=War": "/?genre=War&year=..1950",
		"utm_source=mail&q=x":      "/?q=x",
	} {
		r, err := readAddress(&url.URL{RawQuery: query})
		if got := address(r); err != nil || got != want {
			t.Errorf("?%s: got %s, %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{"year=x", "from=1", "sort=best", "%zz"} {
		if _, err := readAddress(&url.URL{RawQuery: query}); err == nil {
			t.Errorf("?%s is taken", query)
		}
	}
}

func TestOnlyMarksSurviveInHighlights(t *testing.T) {
	for fragment, want := range map[string]string{
		"<em>Alien</em> &amp; co":           "<mark>Alien</mark> &amp; co",
		"<script>x</script> <em>a</em>":     "&lt;script&gt;x&lt;/script&gt; <mark>a</mark>",
		`<em onclick="x">a</em>`:            `&lt;em onclick=&#34;x&#34;&gt;a</mark>`,
		"&lt;img src=x&gt; <em>b</em>":      "&lt;img src=x&gt; <mark>b</mark>",
		"&amp;lt;em&amp;gt; <em>twice</em>": "&amp;lt;em&amp;gt; <mark>twice</mark>",
	} {
		got := highlighted(search.Item{Highlight: map[string][]string{"title": {fragment}}}, "title", "")
		if string(got) != want {
			t.Errorf("%s: got %s, want %s", fragment, got, want)
		}
	}
	if got := highlighted(search.Item{}, "title", "<b>"); got != "&lt;b&gt;" {
		t.Errorf("plain text is not escaped: %s", got)
	}
}

// TestUnderstoodPartsCanBeTakenAway: following a part asks the rest.
func TestUnderstoodPartsCanBeTakenAway(t *testing.T) {
	year := 1979.0
	r := search.Request{Text: `alien "in space" -predator horror 1979`, Genres: []string{"Drama"}, Year: search.Range{From: &year, To: &year}}
	i := search.Interpretation{Text: "alien", Phrases: []string{"in space"}, Excluded: []string{"predator"}, Genres: []string{"horror"}, YearFrom: 1979, YearTo: 1979, Relaxed: []string{"space"}}
	parts, notes := understood(r, &i)
	got := map[string]string{}
	for _, p := range parts {
		u, err := url.Parse(p.Address)
		if err != nil {
			t.Fatal(err)
		}
		got[p.Text] = u.Query().Get("q") + "|" + u.Query().Get("genre") + "|" + u.Query().Get("year")
	}
	want := map[string]string{
		"Exactly: in space": "alien -predator horror 1979|Drama|1979",
		"Not: predator":     `alien "in space" horror 1979|Drama|1979`,
		"Genre: horror":     `alien "in space" -predator 1979|Drama|1979`,
		"Year: 1979":        "", // the text's and the filter's, see below
		"Genre: Drama":      r.Text + "||1979",
	}
	want["Year: 1979"] = r.Text + "|Drama|"
	if diff := cmp.Diff(want, got); diff != "" || len(notes) != 1 {
		t.Errorf("notes %q, parts: %s", notes, diff)
	}
}

func TestYearBars(t *testing.T) {
	counts := []search.FacetCount{{Value: "2020", Count: 5}, {Value: "1990", Count: 50}, {Value: "1900", Count: 1}, {Value: "1910", Count: 2}}
	from := 1995.0
	bars := yearBars(search.Request{Year: search.Range{From: &from}}, counts)
	if len(bars) != mostBars || bars[0].Label != "Until 1939" || bars[0].Count != "3 films" || bars[0].Address != "/?year=..1939" || bars[0].Within {
		t.Errorf("got %d bars, the first %+v", len(bars), bars[0])
	}
	if nineties := bars[6]; nineties.Height != 40 || nineties.Top != 0 || !nineties.Within || nineties.Address != "/?year=1990..1999" {
		t.Errorf("got %+v for the nineties", nineties)
	}
	if empty := bars[5]; empty.Height != 0 {
		t.Errorf("got %+v for a decade without films", empty)
	}
	if bars := yearBars(search.Request{}, counts[:1]); bars != nil {
		t.Errorf("one decade is no histogram: %v", bars)
	}
}

// TestPostersFit: whatever the title, its lines stay on the poster.
func TestPostersFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.StringOfN(rapid.RuneFrom([]rune("aM 千と:é-")), 1, 80, -1).Draw(t, "title")
		p := drawPoster(movie.Movie{ID: rapid.Int64().Draw(t, "id"), Title: title})
		if len(p.Lines) > 3 || p.Size < 13 || p.Motif == "" || p.Ground == "" {
			t.Fatalf("%q: %+v", title, p)
		}
		for _, l := range p.Lines {
			if l.Y < 190 || l.Y > 290 || width(l.Text) > 2*11+2 {
				t.Fatalf("%q: line %+v", title, l)
			}
		}
	})
}
