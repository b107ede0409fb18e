package opensearch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"movies/internal/movie"
	"movies/search"
	"movies/search/query"
)

// Suggest implements search.Searcher: titles that begin with what was typed, then
// titles with words that do, and people; each by popularity, which is the index's
// order, so the engine looks at little more than it answers. Only when that is too
// little are misspellings forgiven.
func (s *Searcher) Suggest(ctx context.Context, r search.SuggestRequest) (*search.Suggestions, error) {
	r = r.Normalize()
	if err := r.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c := completion{words: query.Spelled(r.Text), limit: r.Limit}
	if len(c.words) == 0 {
		return &search.Suggestions{}, nil
	}
	text := strings.Join(c.words, " ")
	found, err := s.popular(ctx, r.Limit,
		match("titles.starts", text, nil), match("titles.prefix", text, allWords), match("names.prefix", text, allWords))
	if err != nil {
		return nil, err
	}
	c.movies(found[0])
	c.movies(found[1])
	c.people(found[2], strings.HasPrefix)
	if len(c.found)+len(c.persons) < fewSuggestions && utf8.RuneCountInString(text) >= minMisspelt {
		found, err := s.popular(ctx, r.Limit, match("titles.prefix", text, misspelt), match("names.prefix", text, misspelt))
		if err != nil {
			return nil, err
		}
		c.movies(found[0])
		c.people(found[1], similarBeginning)
	}
	return &search.Suggestions{Items: c.items()}, nil
}

// fewSuggestions are too few to leave it at what was typed.
const fewSuggestions = 3

var (
	allWords = obj{"operator": "and"}
	misspelt = obj{"operator": "and", "fuzziness": "AUTO:4,8", "prefix_length": 1, "max_expansions": 20}
)

// popular finds, for each query, the most popular movies that match, uncounted.
func (s *Searcher) popular(ctx context.Context, size int, queries ...obj) ([][]search.Item, error) {
	bodies := make([]obj, len(queries))
	for i, q := range queries {
		bodies[i] = obj{
			"query": conjunction(constant(q, 1), nil, exclusions(search.Request{})),
			"sort":  orderOf(search.Sort{Key: search.SortPopularity}).clauses(), "size": size, "track_total_hits": false,
			"_source": []string{"id", "title", "original_title", "akas", "year", "popularity", "people"},
		}
	}
	answers, err := s.searchMany(ctx, bodies)
	if err != nil {
		return nil, err
	}
	out := make([][]search.Item, len(answers))
	for i := range answers {
		out[i] = answers[i].items()
	}
	return out, nil
}

// completion collects suggestions without repetition.
type completion struct {
	words   []string
	limit   int
	found   []search.Suggestion
	persons []person
}

// person is a candidate and the popularity of the movies that led to them.
type person struct {
	credit     movie.Credit
	popularity float64
}

func (c *completion) movies(items []search.Item) {
	for _, i := range items {
		s := search.Suggestion{Kind: "movie", ID: i.Movie.ID, Text: i.Movie.Title, Year: i.Movie.Year, Matched: c.matched(i.Movie)}
		if !slices.ContainsFunc(c.found, func(f search.Suggestion) bool { return f.ID == s.ID }) {
			c.found = append(c.found, s)
		}
	}
}

// matched is the other title that has what was typed, if the title does not.
func (c *completion) matched(m movie.Movie) string {
	if begun(query.Spelled(m.Title), c.words, strings.HasPrefix) {
		return ""
	}
	for _, title := range append([]string{m.OriginalTitle}, m.Akas...) {
		if begun(query.Spelled(title), c.words, strings.HasPrefix) {
			return title
		}
	}
	return ""
}

// people adds those with a word in their name for every one typed, which alike compares.
func (c *completion) people(items []search.Item, alike func(word, typed string) bool) {
	for _, i := range items {
		for _, credit := range i.Movie.People {
			if !begun(query.Spelled(credit.Name), c.words, alike) {
				continue
			}
			at := slices.IndexFunc(c.persons, func(p person) bool { return p.credit.ID == credit.ID })
			if at < 0 {
				at = len(c.persons)
				c.persons = append(c.persons, person{credit: credit})
			}
			c.persons[at].popularity += i.Movie.Popularity
		}
	}
}

// begun tells whether every typed word is alike to one of the words.
func begun(words, typed []string, alike func(word, typed string) bool) bool {
	for _, t := range typed {
		if !slices.ContainsFunc(words, func(w string) bool { return alike(w, t) }) {
			return false
		}
	}
	return len(typed) > 0
}

// similarBeginning forgives one mistake in a typed word.
func similarBeginning(word, typed string) bool {
	n := utf8.RuneCountInString(typed)
	for _, length := range []int{n - 1, n, n + 1} {
		if rest := []rune(word); length > 0 && length <= len(rest) && query.Distance(string(rest[:length]), typed, 1) <= 1 {
			return true
		}
	}
	return false
}

// forPeople is how many places people get when there are movies enough.
const forPeople = 3

// items are the movies, then the people, by popularity.
func (c *completion) items() []search.Suggestion {
	slices.SortStableFunc(c.persons, func(a, b person) int { return cmp.Compare(b.popularity, a.popularity) })
	movies := c.found[:min(len(c.found), max(c.limit-len(c.persons), c.limit-forPeople))]
	out := slices.Clone(movies)
	for _, p := range c.persons[:min(len(c.persons), c.limit-len(out))] {
		out = append(out, search.Suggestion{Kind: "person", ID: p.credit.ID, Text: p.credit.Name})
	}
	return out
}
