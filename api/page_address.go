package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"movies/internal/movie"
	"movies/search"
)

// The address of a page is its whole state, in the parameters of GET /v1/movies.
// A form cannot write a range, so a year may also come as from and to.

// readAddress reads the question of a page. An address may have been through
// other hands: parameters nobody knows are passed over, and so are empty ones,
// as a form sends them. What is known and wrong is an error.
func readAddress(u *url.URL) (search.Request, error) {
	p, err := parseParams(u)
	if err != nil {
		return search.Request{}, err
	}
	for name, values := range p.values {
		if values = slices.DeleteFunc(values, func(v string) bool { return strings.TrimSpace(v) == "" }); len(values) == 0 {
			delete(p.values, name)
		} else {
			p.values[name] = values
		}
	}
	r := readRequest(p)
	r.Highlight = r.Text != ""
	r.Limit, r.Facets = search.DefaultLimit, nil
	year := func(name string) *float64 {
		if n := p.number(name, movie.MinYear, movie.MaxYear, 0); n != 0 {
			f := float64(n)
			return &f
		}
		return nil
	}
	if from, to := year("from"), year("to"); from != nil || to != nil {
		r.Year = search.Range{From: from, To: to}
		if from != nil && to != nil && *from > *to { // meant the other way round
			r.Year = search.Range{From: to, To: from}
		}
	}
	if len(p.problems) > 0 {
		return r, &movie.InvalidError{Problems: p.problems}
	}
	return r, nil
}

// address is where the page of a question is: readAddress's inverse.
func address(r search.Request) string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("q", r.Text)
	for _, f := range filtersOf(&r) {
		if len(*f.values) > 0 {
			v[f.name] = *f.values
		}
	}
	if r.AllGenres {
		set("genre_mode", "all")
	}
	set("year", r.Year.String())
	set("rating", r.Rating.String())
	set("votes", r.Votes.String())
	set("runtime", r.Runtime.String())
	if r.Adult {
		set("adult", "true")
	}
	set("sort", r.Sort.String())
	set("cursor", r.Cursor)
	path := "/"
	switch {
	case r.PersonID != 0:
		path = "/people/" + strconv.FormatInt(r.PersonID, 10)
	case r.Only != nil:
		path = watchlistPath
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// watchlistPath is where the page of somebody's own list is.
const watchlistPath = "/watchlist"

// filter is a repeatable parameter of a request.
type filter struct {
	name   string
	values *[]string
}

func filtersOf(r *search.Request) []filter {
	return []filter{{"genre", &r.Genres}, {"language", &r.Languages}, {"country", &r.Countries}, {"keyword", &r.Keywords}, {"person", &r.People}}
}

// edited is the address of the question after a change, from its first page.
func edited(r search.Request, change func(*search.Request)) string {
	r.Cursor = ""
	change(&r)
	return address(r)
}

// without is a list without a value, whatever its case.
func without(values []string, value string) []string {
	var out []string
	for _, v := range values {
		if !strings.EqualFold(v, value) {
			out = append(out, v)
		}
	}
	return out
}

func years(from, to int) search.Range {
	bound := func(n int) *float64 {
		if n == 0 {
			return nil
		}
		f := float64(n)
		return &f
	}
	return search.Range{From: bound(from), To: bound(to)}
}

func itoa(n int) string { return strconv.Itoa(n) }
