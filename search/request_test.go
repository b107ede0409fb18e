package search_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/movie"
	"movies/search"
)

func requests() *rapid.Generator[search.Request] {
	words := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"Drama", "drama", " drama ", "É", "E\u0301", "a b", "a", "b"})), 0, 4)
	bound := rapid.Ptr(rapid.Float64Range(0, 3000), true)
	return rapid.Custom(func(t *rapid.T) search.Request {
		return search.Request{
			Text: rapid.String().Draw(t, "text"), Genres: words.Draw(t, "genres"), People: words.Draw(t, "people"),
			AllGenres: rapid.Bool().Draw(t, "all"), Year: search.Range{From: bound.Draw(t, "from"), To: bound.Draw(t, "to")},
			PersonID: rapid.Int64Range(0, 3).Draw(t, "person"), Adult: rapid.Bool().Draw(t, "adult"),
			Only:   rapid.SliceOfN(rapid.Int64Range(1, 9), -1, 5).Draw(t, "only"),
			Sort:   search.Sort{Key: rapid.SampledFrom([]search.SortKey{"", search.SortRelevance, search.SortTitle}).Draw(t, "sort")},
			Facets: rapid.SliceOfN(rapid.SampledFrom(search.AllFacets), 0, 4).Draw(t, "facets"),
			Limit:  rapid.IntRange(0, 100).Draw(t, "limit"), Highlight: rapid.Bool().Draw(t, "highlight"),
		}
	})
}

func TestNormalizeIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := requests().Draw(t, "request").Normalize()
		if diff := cmp.Diff(once, once.Normalize()); diff != "" {
			t.Fatalf("normalising twice differs (-once +twice):\n%s", diff)
		}
	})
}

func TestKeysTellRequestsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := requests().Draw(t, "a").Normalize(), requests().Draw(t, "b").Normalize()
		if same := cmp.Equal(a, b); same != (a.Key() == b.Key()) {
			t.Fatalf("equal %v, but keys\n%s\n%s", same, a.Key(), b.Key())
		}
	})
}

func TestEqualQuestionsHaveEqualKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests().Draw(t, "request")
		other := r
		other.Text = "  " + r.Text + "\t"
		other.Genres = append(slices.Clone(r.Genres), r.Genres...)
		slices.Reverse(other.Genres)
		other.Facets = append(slices.Clone(r.Facets), r.Facets...)
		if got, want := other.Normalize().Key(), r.Normalize().Key(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
	a := search.Request{Text: "AME\u0301LIE  poulain", Genres: []string{"Drama", "comedy"}}
	b := search.Request{Text: "amélie poulain", Genres: []string{"Comedy", "DRAMA"}, Sort: search.Sort{Key: search.SortRelevance}, Limit: 20}
	if a.Normalize().Key() != b.Normalize().Key() {
		t.Errorf("got %s and %s, want one key", a.Normalize().Key(), b.Normalize().Key())
	}
}

func TestOnlyNothingIsNotOnlyAnything(t *testing.T) {
	none, anything := search.Request{Only: []int64{}}, search.Request{}
	if none.Normalize().Key() == anything.Normalize().Key() {
		t.Error("an empty watchlist has the key of the whole catalogue")
	}
}

func TestValidateNamesTheParameter(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for parameter, r := range map[string]search.Request{
		"q":       {Text: strings.Repeat("é", search.MaxText+1)},
		"genre":   {Genres: []string{strings.Repeat("x", movie.MaxName+1)}},
		"year":    {Year: search.Range{From: f(2000), To: f(1999)}},
		"rating":  {Rating: search.Range{From: f(math.NaN())}},
		"votes":   {Votes: search.Range{To: f(math.Inf(1))}},
		"limit":   {Limit: 101},
		"sort":    {Sort: search.Sort{Key: "colour"}},
		"facets":  {Facets: []search.Facet{"colour"}},
		"ids":     {Only: ids(search.MaxOnly + 1)},
		"keyword": {Keywords: strings.Fields(strings.Repeat("a b c d e f g h i j k l m n o p q r s t u v w x y z ", 1) + "1 2 3 4 5 6 7 8 9 0 aa ab ac ad ae af ag ah ai aj ak al am an ao ap aq")},
	} {
		err := r.Normalize().Validate()
		var invalid *movie.InvalidError
		if !errors.As(err, &invalid) || invalid.Problems[0].Field != parameter {
			t.Errorf("%s: got %v", parameter, err)
		}
	}
	if err := (search.Request{Text: "q", Sort: search.Sort{Key: search.SortRelevance, Reverse: true}}).Normalize().Validate(); !errors.Is(err, movie.ErrInvalid) {
		t.Errorf("reversed relevance: got %v", err)
	}
	if err := (search.Request{Text: "a\xff"}).Normalize().Validate(); !errors.Is(err, movie.ErrInvalid) {
		t.Errorf("invalid UTF-8: got %v", err)
	}
	if err := (search.Request{}).Normalize().Validate(); err != nil {
		t.Errorf("the zero request: got %v", err)
	}
}

func ids(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i) + 1
	}
	return out
}

func TestDefaultSortFollowsTheText(t *testing.T) {
	for want, r := range map[string]search.Request{
		"relevance":  {Text: "alien"},
		"popularity": {Text: "  "},
		"-year":      {Text: "alien", Sort: search.Sort{Key: search.SortYear, Reverse: true}},
	} {
		if got := r.Normalize().Sort.String(); got != want {
			t.Errorf("%+v: got sort %s, want %s", r, got, want)
		}
	}
	if got := (search.Request{Sort: search.Sort{Key: search.SortRelevance}}).Normalize().Sort.Key; got != search.SortPopularity {
		t.Errorf("relevance without text became %s", got)
	}
}

func TestRangesPrintAsTheContractWritesThem(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for want, r := range map[string]search.Range{
		"": {}, "1999": {From: f(1999), To: f(1999)}, "1990..1999": {From: f(1990), To: f(1999)}, "7.5..": {From: f(7.5)}, "..1950": {To: f(1950)},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
