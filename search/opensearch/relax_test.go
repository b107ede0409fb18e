package opensearch_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
	"movies/search"
)

// TestWhatWasUnderstoodIsTold: what is given up to find anything is said, and
// nothing is said to be left out that is there in another form.
func TestWhatWasUnderstoodIsTold(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, append(sample(), movie.Movie{ID: 20, Title: "!!!", Popularity: 1}, movie.Movie{ID: 21, Title: "Øen", Popularity: 2})...)
	for _, want := range []struct {
		text, first, didYouMean string
		understood              search.Interpretation
	}{
		{text: "walle", first: "WALL·E", understood: search.Interpretation{Text: "walle"}},
		{text: "spiderman", first: "Spider-Man", understood: search.Interpretation{Text: "spiderman"}},
		{text: `"samurai seven"`, first: "Seven Samurai", understood: search.Interpretation{
			Text: "samurai 7", Phrases: []string{"samurai seven"}, Relaxed: []string{"quoted words do not have to stand together"}}},
		{text: "seven samurei", first: "Seven Samurai", didYouMean: "7 samurai", understood: search.Interpretation{
			Text: "7 samurei", Relaxed: []string{"samurei taken for samurai"}}},
		{text: "samurei nonsense gibberish", first: "Seven Samurai", understood: search.Interpretation{
			Text: "samurei nonsense gibberish", Relaxed: []string{"samurei taken for samurai", "nonsense left out", "gibberish left out"}}},
		{text: "!!!", first: "!!!", understood: search.Interpretation{Text: "!!!"}},
		{text: "ø", first: "Øen", understood: search.Interpretation{Text: "o"}},
		{text: "alien 1979 full movie", first: "Alien", understood: search.Interpretation{
			Text: "alien", YearFrom: 1979, YearTo: 1979, Ignored: []string{"full movie"}}},
	} {
		result := c.search(search.Request{Text: want.text})
		if got := titles(result.Items); len(got) == 0 || got[0] != want.first {
			t.Errorf("%s: found %q, want %q first", want.text, got, want.first)
			continue
		}
		if diff := cmp.Diff(&want.understood, result.Interpreted); diff != "" {
			t.Errorf("%s: understood differently (-want +got):\n%s", want.text, diff)
		}
		if result.DidYouMean != want.didYouMean {
			t.Errorf("%s: did you mean %q, want %q", want.text, result.DidYouMean, want.didYouMean)
		}
	}
}

// TestFirstOfASeries: who asks for the first of a series by a number finds the
// movie that has none.
func TestFirstOfASeries(t *testing.T) {
	t.Parallel()
	movies := []movie.Movie{{ID: 1, Title: "Cars", Year: 2006, Popularity: 3}, {ID: 2, Title: "Cars 2", Year: 2011, Popularity: 2}}
	for i := int64(10); i < 80; i++ { // enough that have both words to be content with
		movies = append(movies, movie.Movie{ID: i, Title: "Race", Overview: "One of many cars.", Popularity: 100})
	}
	c := newCatalogue(t, 1, movies...)
	if got := ids(c.search(search.Request{Text: "cars 1 movie"}).Items); !slices.Contains(got[:3], 1) {
		t.Errorf("got %v", got)
	}
}
