package api

import (
	"html"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"movies/internal/movie"
	"movies/search"
)

// resultsView is a page of results.
type resultsView struct {
	frame
	// Person and Roles are set on a person's page.
	Person, Roles string
	// Watchlist: only somebody's own list is searched.
	Watchlist bool
	Cards     []card
	// Count says how many there are in all.
	Count string
	// More is the address of the next page; Start of the first, on later ones.
	More, Start string
	DidYouMean  *link
	// Understood are the parts of the text that were understood, and the filters;
	// following one takes it away. Notes are what cannot be taken away.
	Understood []link
	Notes      []string
	Facets     []facetView
	Years      []yearBar
	From, To   string
	Sorts      []option
	// Kept are parameters that the form has no control for.
	Kept []option
	// Clear is the address without filters; empty when there are none.
	Clear string
}

// link is text that leads somewhere.
type link struct{ Text, Address string }

// option is one choice of a control.
type option struct {
	Name, Value, Text, Count string
	Chosen                   bool
}

func showResults(r search.Request, res *search.Result) resultsView {
	v := resultsView{Watchlist: r.Only != nil, Count: count(res.Total), Sorts: sorts(r), Kept: kept(r)}
	for _, item := range res.Items {
		v.Cards = append(v.Cards, newCard(item))
	}
	if res.NextCursor != "" {
		next := r
		next.Cursor = res.NextCursor
		v.More = address(next)
	}
	if r.Cursor != "" {
		v.Start = edited(r, func(*search.Request) {})
	}
	if res.DidYouMean != "" {
		v.DidYouMean = &link{res.DidYouMean, edited(r, func(r *search.Request) { r.Text = res.DidYouMean })}
	}
	v.Understood, v.Notes = understood(r, res.Interpreted)
	v.Facets = facetViews(r, res.Facets)
	v.Years = yearBars(r, res.Facets[search.FacetDecade])
	v.From, v.To = yearText(r.Year.From), yearText(r.Year.To)
	if plain := address(search.Request{Text: r.Text, Sort: r.Sort, Only: r.Only}); plain != edited(r, func(*search.Request) {}) {
		v.Clear = plain
	}
	return v
}

// count is a total as people write it.
func count(t search.Total) string {
	n := grouped(t.Value)
	switch {
	case !t.Exact:
		return "more than " + n + " films"
	case t.Value == 1:
		return "1 film"
	}
	return n + " films"
}

// grouped writes a number with thousands set apart.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func sorts(r search.Request) []option {
	out := []option{{Value: "popularity", Text: "Most popular"}, {Value: "rating", Text: "Best rated"}, {Value: "year", Text: "Newest"}, {Value: "-year", Text: "Oldest"}, {Value: "title", Text: "Title A–Z"}}
	if r.Text != "" {
		out = append([]option{{Value: "relevance", Text: "Best match"}}, out...)
	}
	chosen := r.Normalize().Sort.String()
	for i := range out {
		out[i].Chosen = out[i].Value == chosen
		if i == 0 {
			out[i].Value = "" // the default needs no parameter
		}
	}
	return out
}

// kept are the filters that have no control of their own in the form.
func kept(r search.Request) []option {
	var out []option
	for _, name := range r.People {
		out = append(out, option{Name: "person", Value: name})
	}
	for _, name := range r.Keywords {
		out = append(out, option{Name: "keyword", Value: name})
	}
	for _, f := range []option{{Name: "rating", Value: r.Rating.String()}, {Name: "votes", Value: r.Votes.String()}, {Name: "runtime", Value: r.Runtime.String()}, {Name: "genre_mode", Value: onlyIf(r.AllGenres, "all")}, {Name: "adult", Value: onlyIf(r.Adult, "true")}} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func onlyIf(condition bool, value string) string {
	if condition {
		return value
	}
	return ""
}

// card is a movie in a list.
type card struct {
	ID            int64
	Address       string
	Title         template.HTML
	Year          int
	Other         template.HTML // another title, where that is what matched
	Facts         string
	People        string
	Overview      template.HTML
	Rating, Votes string
	PosterURL     string
	Poster        poster
}

func newCard(item search.Item) card {
	m := item.Movie
	c := card{
		ID: m.ID, Address: movieAddress(m.ID), Year: m.Year, Poster: drawPoster(m), PosterURL: m.PosterURL,
		Title: highlighted(item, "title", m.Title), Overview: highlighted(item, "overview", m.Overview),
		Facts: facts(m), People: strings.Join(m.Directors, ", "), Rating: rating(m), Votes: grouped(m.Votes),
	}
	switch {
	case item.MatchedTitle != "":
		c.Other = template.HTML(html.EscapeString(item.MatchedTitle)) //nolint:gosec // escaped
	case m.OriginalTitle != "" && m.OriginalTitle != m.Title:
		c.Other = highlighted(item, "original_title", m.OriginalTitle)
	}
	return c
}

func movieAddress(id int64) string { return "/movies/" + strconv.FormatInt(id, 10) }

func facts(m movie.Movie) string {
	var out []string
	if m.Runtime > 0 {
		out = append(out, runtime(m.Runtime))
	}
	out = append(out, m.Genres[:min(3, len(m.Genres))]...)
	return strings.Join(out, " · ")
}

func runtime(minutes int) string {
	if minutes < 60 {
		return itoa(minutes) + " min"
	}
	return itoa(minutes/60) + " h " + itoa(minutes%60) + " min"
}

func rating(m movie.Movie) string {
	if m.Votes == 0 && m.Rating == 0 {
		return ""
	}
	return strconv.FormatFloat(m.Rating, 'f', 1, 64)
}

// highlighted is the field's marked fragments, or its plain text. Everything but
// the marks is escaped here, whoever marked it.
func highlighted(item search.Item, field, plain string) template.HTML {
	fragments := item.Highlight[field]
	if len(fragments) == 0 {
		return template.HTML(html.EscapeString(plain)) //nolint:gosec // escaped
	}
	marked := html.EscapeString(html.UnescapeString(strings.Join(fragments, " … ")))
	marked = strings.NewReplacer("&lt;em&gt;", "<mark>", "&lt;/em&gt;", "</mark>").Replace(marked)
	return template.HTML(marked) //nolint:gosec // escaped but for the marks
}

// understood explains what was made of the text and lists the filters.
func understood(r search.Request, i *search.Interpretation) (parts []link, notes []string) {
	add := func(text string, change func(*search.Request)) {
		parts = append(parts, link{text, edited(r, change)})
	}
	if i != nil {
		for _, part := range interpretedParts(*i) {
			add(part.Text, func(r *search.Request) { r.Text = part.Address })
		}
		if len(i.Ignored) > 0 {
			notes = append(notes, "Left out: "+strings.Join(i.Ignored, ", "))
		}
		if len(i.Relaxed) > 0 {
			notes = append(notes, "Nothing matched all of it, so these match less: "+strings.Join(i.Relaxed, ", "))
		}
	}
	if r.Only != nil {
		add("On your watchlist", func(r *search.Request) { r.Only = nil })
	}
	for _, f := range filtersOf(&r) {
		for _, value := range *f.values {
			add(strings.ToUpper(f.name[:1])+f.name[1:]+": "+value, func(r *search.Request) {
				for _, mine := range filtersOf(r) {
					if mine.name == f.name {
						*mine.values = without(*mine.values, value)
					}
				}
			})
		}
	}
	for _, b := range []struct {
		name  string
		value func(*search.Request) *search.Range
	}{
		{"Year", func(r *search.Request) *search.Range { return &r.Year }},
		{"Rating", func(r *search.Request) *search.Range { return &r.Rating }},
		{"Votes", func(r *search.Request) *search.Range { return &r.Votes }},
		{"Minutes", func(r *search.Request) *search.Range { return &r.Runtime }},
	} {
		if set := b.value(&r); !set.IsZero() {
			add(b.name+": "+strings.ReplaceAll(set.String(), "..", "–"), func(r *search.Request) { *b.value(r) = search.Range{} })
		}
	}
	return parts, notes
}

// interpretedParts are the parts of a text beside its words, each with the text
// that is left without it.
func interpretedParts(i search.Interpretation) []link {
	type part struct{ label, typed string }
	var parts []part
	for _, s := range i.Phrases {
		parts = append(parts, part{"Exactly: " + s, `"` + s + `"`})
	}
	for _, s := range i.Excluded {
		parts = append(parts, part{"Not: " + s, "-" + s})
	}
	for _, s := range i.Genres {
		parts = append(parts, part{"Genre: " + s, s})
	}
	for _, s := range i.People {
		parts = append(parts, part{"Person: " + s, s})
	}
	switch from, to := i.YearFrom, i.YearTo; {
	case from != 0 && from == to:
		parts = append(parts, part{"Year: " + itoa(from), itoa(from)})
	case from != 0 && to != 0:
		parts = append(parts, part{"Years: " + itoa(from) + "–" + itoa(to), itoa(from) + "-" + itoa(to)})
	case from != 0:
		parts = append(parts, part{"Since " + itoa(from), "since " + itoa(from)})
	case to != 0:
		parts = append(parts, part{"Until " + itoa(to), "before " + itoa(to+1)})
	}
	var out []link
	for n, p := range parts {
		rest := []string{i.Text}
		for m, other := range parts {
			if m != n {
				rest = append(rest, other.typed)
			}
		}
		rest = slices.DeleteFunc(rest, func(s string) bool { return s == "" })
		out = append(out, link{p.label, strings.Join(rest, " ")})
	}
	return out
}
