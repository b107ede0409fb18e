package opensearch

import (
	"slices"
	"strings"

	"movies/internal/movie"
	"movies/search"
	"movies/search/query"
)

// interpret tells what a query was taken for. What a term meant is known when it
// is known what was found: a number is the year unless it is in the title of the
// movie that came first, "movie" is noise unless it is, and two words are a person
// if that person made it. Without a movie the terms stand for what they can mean.
func interpret(q query.Query, first *movie.Movie, title string) *search.Interpretation {
	out := &search.Interpretation{Phrases: q.Phrases, Excluded: q.Excluded}
	inTitle := query.Words(title)
	var words []string
	for _, t := range q.Terms {
		switch {
		case containsAll(inTitle, t.Words):
			words = append(words, t.Words...)
		case t.Kind == query.Noise:
			out.Ignored = append(out.Ignored, t.Text())
		case t.Kind == query.Year:
			out.YearFrom, out.YearTo = t.From, t.To
		case t.Kind == query.Genre && hasGenre(first, t):
			out.Genres = append(out.Genres, strings.Join(t.Genres, " "))
		default:
			words = append(words, t.Words...)
		}
	}
	if first != nil {
		out.People, words = people(first, words, inTitle)
	}
	if out.Text = strings.Join(words, " "); len(q.Terms) == 0 {
		out.Text = q.Text // punctuation alone is looked for as it is
	}
	return out
}

func hasGenre(m *movie.Movie, t query.Term) bool {
	if m == nil {
		return true
	}
	return containsAll(query.Words(strings.Join(m.Genres, " ")), t.Genres)
}

// people finds the full names of the movie's people among the words and takes
// them out, unless they are in the title.
func people(m *movie.Movie, words, inTitle []string) (names, rest []string) {
	for _, name := range slices.Concat(m.Directors, m.Cast) {
		parts := query.Words(name)
		at := indexOf(words, parts)
		if len(parts) < 2 || at < 0 || containsAll(inTitle, parts) {
			continue
		}
		names = append(names, name)
		words = slices.Delete(slices.Clone(words), at, at+len(parts))
	}
	return names, words
}

// indexOf is where parts begin within words, or -1.
func indexOf(words, parts []string) int {
	for i := 0; i+len(parts) <= len(words); i++ {
		if slices.Equal(words[i:i+len(parts)], parts) {
			return i
		}
	}
	return -1
}

func containsAll(words, parts []string) bool {
	for _, p := range parts {
		if !slices.Contains(words, p) {
			return false
		}
	}
	return len(parts) > 0
}
