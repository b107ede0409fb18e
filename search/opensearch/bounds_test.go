package opensearch_test

import (
	"strings"
	"testing"

	"movies/search"
)

// TestHostileTextsAreOnlySlow asks what would cost most if nothing were bounded:
// the engine must not refuse it.
func TestHostileTextsAreOnlySlow(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	for name, text := range map[string]string{
		"letters":       strings.Repeat("a b c d e f ", 21),
		"one word":      strings.Repeat("x", search.MaxText),
		"ideographs":    strings.Repeat("七人の侍", search.MaxText/4),
		"syllables":     strings.Repeat("기생충 ", search.MaxText/4),
		"phrases":       strings.Repeat(`"a b" `, search.MaxText/6),
		"exclusions":    "alien" + strings.Repeat(" -b", search.MaxText/4),
		"wildcards":     strings.Repeat("*", search.MaxText),
		"wild words":    strings.Repeat("a* ?b ", search.MaxText/6),
		"years":         strings.Repeat("1990-1999 ", search.MaxText/10),
		"query strings": `title:(alien OR *) AND {"match_all":{}} \\ + - && || ! ( ) { } [ ] ^ " ~ * ? : /`,
		"combining":     "a" + strings.Repeat("\u0301", search.MaxText/2),
		"joiners":       strings.Repeat("a\u200d", search.MaxText/2),
		"misspelt":      strings.Repeat("qwertz asdfgh ", search.MaxText/14),
		"null":          "a\x00b",
	} {
		for _, sort := range []search.SortKey{search.SortRelevance, search.SortYear} {
			r := search.Request{Text: text, Sort: search.Sort{Key: sort}, Highlight: true, Facets: search.AllFacets}
			if _, err := c.Search(t.Context(), r); err != nil {
				t.Errorf("%s by %s: %v", name, sort, err)
			}
		}
		if _, err := c.Suggest(t.Context(), search.SuggestRequest{Text: text}); err != nil {
			t.Errorf("suggest %s: %v", name, err)
		}
	}
}
