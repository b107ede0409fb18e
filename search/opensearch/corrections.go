package opensearch

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"movies/search/query"
)

// corrections are, for a word, the words of titles and names that it may be a
// misspelling of, with how near they are, 0 to 1.
type corrections map[string][]correction

type correction struct {
	word string
	near float64
}

// minMisspelt is the least number of letters of a word that may be misspelt, and
// maxCorrections how many words it may stand for. Up to oneMistake letters, one
// mistake is forgiven, beyond two.
const (
	minMisspelt    = 3
	oneMistake     = 3
	maxCorrections = 4
)

// correctedFields have the words that a misspelling is compared with.
var correctedFields = []string{"titles", "names"}

// correct finds corrections among the words that are more frequent than the given
// ones. The longer a word, the more may be wrong with it; the first letter never.
func (s *Searcher) correct(ctx context.Context, q query.Query) (corrections, error) {
	var short, long []string
	for _, t := range q.Terms {
		if t.Kind != query.Word {
			continue
		}
		switch letters := utf8.RuneCountInString(t.Words[0]); {
		case letters > oneMistake:
			long = append(long, t.Words[0])
		case letters >= minMisspelt:
			short = append(short, t.Words[0])
		}
	}
	suggest := obj{}
	for _, field := range correctedFields {
		for edits, words := range [][]string{1: short, 2: long} {
			if len(words) > 0 {
				suggest[field+strconv.Itoa(edits)] = obj{"text": strings.Join(words, " "), "term": obj{
					"field": field, "suggest_mode": "popular", "max_edits": edits, "prefix_length": 1,
					"min_word_length": minMisspelt, "size": maxCorrections,
				}}
			}
		}
	}
	if len(suggest) == 0 {
		return nil, nil
	}
	a, err := s.search(ctx, obj{"size": 0, "track_total_hits": false, "suggest": suggest})
	if err != nil {
		return nil, err
	}
	out := corrections{}
	for _, field := range correctedFields {
		for _, edits := range []string{"1", "2"} {
			for _, entry := range a.Suggest[field+edits] {
				for _, o := range entry.Options {
					out[entry.Text] = append(out[entry.Text], correction{word: o.Text, near: o.Score})
				}
			}
		}
	}
	return out, nil
}

// in is the correction of a word that is among the words, the nearest first, or empty.
func (c corrections) in(word string, words []string) string {
	for _, k := range c[word] {
		if slices.Contains(words, k.word) {
			return k.word
		}
	}
	return ""
}

// clauses match what a word may stand for.
func (c corrections) clauses(word string) []obj {
	var out []obj
	for _, k := range c[word] {
		for _, field := range correctedFields {
			out = append(out, constant(obj{"term": obj{field: k.word}}, weightSimilar*k.near))
		}
	}
	return out
}
