package api

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"movies/internal/movie"
	"movies/search"
)

func readQuery(t testing.TB, query string) (search.Request, error) {
	t.Helper()
	p, err := parseParams(&url.URL{RawQuery: query})
	if err != nil {
		return search.Request{}, err
	}
	r := readRequest(p)
	return r, p.err()
}

func TestBadParametersAreNamed(t *testing.T) {
	for query, want := range map[string]string{
		"yaer=1999":                     `yaer is not a parameter here; did you mean "year"?`,
		"genres=drama":                  `genres is not a parameter here; did you mean "genre"?`,
		"limit=0":                       `limit must be a whole number from 1 to 100, not "0"`,
		"limit=":                        `limit must be a whole number`,
		"year=":                         `year must be a value or a range`,
		"sort=":                         `sort must be one of`,
		"adult=":                        `adult must be true or false`,
		"limit=ten":                     `limit must be a whole number`,
		"limit=1&limit=2":               `limit is given 2 times`,
		"year=..":                       `year must be a value or a range`,
		"year=1999..1990":               `year starts at 1999, above its end 1990`,
		"year=99":                       `year must be`,
		"rating=NaN":                    `rating must be`,
		"rating=11":                     `rating must be`,
		"sort=best":                     `sort must be one of relevance`,
		"genre_mode=some":               `genre_mode must be one of any, all`,
		"adult=maybe":                   `adult must be true or false`,
		"facets=genre,colour":           `facets has "colour"`,
		"q=%ff":                         `q is not valid UTF-8`,
		"q=" + strings.Repeat("x", 257): `q is longer than 256 characters`,
		strings.Repeat("genre=x&", 51) + "limit=1": `genre is given 51 times`,
	} {
		_, err := readQuery(t, query)
		if !errors.Is(err, movie.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("?%.60s: got %v, want %s", query, err, want)
		}
	}
}

func TestEveryBadParameterIsNamedAtOnce(t *testing.T) {
	_, err := readQuery(t, "limit=0&year=x&sort=y&zzz=1")
	var invalid *movie.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) != 4 {
		t.Errorf("got %v, want four problems", err)
	}
}

func TestRangesAreInclusiveAndOpenEnded(t *testing.T) {
	bound := func(f *float64) float64 {
		if f == nil {
			return -1
		}
		return *f
	}
	for query, want := range map[string][2]float64{
		"year=1999": {1999, 1999}, "year=1990..1999": {1990, 1999}, "year=1990..": {1990, -1}, "year=..1950": {-1, 1950}, "": {-1, -1},
	} {
		r, err := readQuery(t, query)
		if got := [2]float64{bound(r.Year.From), bound(r.Year.To)}; err != nil || got != want {
			t.Errorf("?%s: got %v, %v; want %v", query, got, err, want)
		}
	}
}

// Whatever is sent, reading it either gives a request or names a parameter.
func FuzzReadRequest(f *testing.F) {
	f.Add("q=alien&year=1979..&genre=horror&sort=-year&limit=3")
	f.Add("limit=%31%&x")
	f.Fuzz(func(t *testing.T, query string) {
		r, err := readQuery(t, query)
		if err == nil && (r.Limit < 1 || r.Limit > search.MaxLimit || len(r.Genres) > search.MaxFilterValues) {
			t.Fatalf("%q was read as %+v", query, r)
		}
	})
}
