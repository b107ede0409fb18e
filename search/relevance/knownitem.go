package relevance

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"movies/internal/movie"
	"movies/search/query"
)

// KnownItem is a query by somebody who has one movie in mind, and the way in
// which they distort its title.
type KnownItem struct {
	Question
	Kind string
}

// distortions are the ways people type a title they know. Each gives "" where it
// does not apply.
var distortions = []struct {
	kind    string
	distort func(m movie.Movie, r *rand.Rand) string
}{
	{"exact", func(m movie.Movie, _ *rand.Rand) string { return m.Title }},
	{"one typo", func(m movie.Movie, r *rand.Rand) string { return misspell(m.Title, 1, r) }},
	{"two typos", func(m movie.Movie, r *rand.Rand) string { return misspell(m.Title, 2, r) }},
	{"beginning", func(m movie.Movie, _ *rand.Rand) string { return beginning(m.Title) }},
	{"no punctuation", func(m movie.Movie, _ *rand.Rand) string { return unpunctuated(m.Title) }},
	{"year", func(m movie.Movie, _ *rand.Rand) string { return withYear(m) }},
	{"other title", otherTitle},
	{"glued", func(m movie.Movie, _ *rand.Rand) string { return glued(m.Title) }},
	{"partial", func(m movie.Movie, r *rand.Rand) string { return partial(m.Title, r) }},
	{"reordered", func(m movie.Movie, r *rand.Rand) string { return reordered(m.Title, r) }},
	{"noise words", func(m movie.Movie, r *rand.Rand) string { return m.Title + " " + pick(addedNoise, r) }},
}

var addedNoise = []string{"movie", "full movie", "imdb", "netflix", "trailer", "film", "watch online", "cast", "rotten tomatoes", "streaming"}

// KnownItems makes n queries for known movies, all kinds about as often, preferring the
// movies people vote for. The same movies and seed give the same queries.
func KnownItems(movies []movie.Movie, n int, seed uint64) []KnownItem {
	r := rand.New(rand.NewPCG(seed, 0))
	movies = slices.Clone(movies)
	slices.SortFunc(movies, func(a, b movie.Movie) int { return int(a.ID - b.ID) })
	var out []KnownItem
	for tries := 0; len(out) < n && tries < 1000*n; tries++ {
		m := movies[r.IntN(len(movies))]
		if other := movies[r.IntN(len(movies))]; other.Votes > m.Votes {
			m = other
		}
		d := distortions[tries%len(distortions)]
		if text := strings.ToLower(strings.TrimSpace(d.distort(m, r))); text != "" {
			out = append(out, KnownItem{Kind: d.kind, Question: Question{Query: text, Grades: map[int64]int{m.ID: 1}}})
		}
	}
	return out
}

// misspell makes n mistakes in letters: one dropped, doubled, replaced, or two
// swapped; never in the first letter of a word, nor in words too short to
// recognise. Titles of less than five letters for each mistake are left alone.
func misspell(title string, n int, r *rand.Rand) string {
	if len(query.Glue(title)) < 5*n {
		return ""
	}
	letters := []rune(title)
	var places []int
	for i := 1; i < len(letters)-1; i++ {
		if unicode.IsLetter(letters[i-1]) && unicode.IsLetter(letters[i]) && unicode.IsLetter(letters[i+1]) {
			places = append(places, i)
		}
	}
	if len(places) < 2*n {
		return ""
	}
	for range n {
		i := places[r.IntN(len(places))]
		if i >= len(letters)-1 {
			continue
		}
		switch r.IntN(4) {
		case 0:
			letters = slices.Delete(letters, i, i+1)
		case 1:
			letters = slices.Insert(letters, i, letters[i])
		case 2:
			letters[i] = rune('a' + r.IntN(26))
		default:
			letters[i], letters[i+1] = letters[i+1], letters[i]
		}
	}
	if strings.EqualFold(string(letters), title) {
		return ""
	}
	return string(letters)
}

// beginning is the first two thirds of a title, at least six letters.
func beginning(title string) string {
	letters := []rune(title)
	n := max(6, len(letters)*2/3)
	if n >= len(letters) {
		return ""
	}
	return strings.TrimSpace(string(letters[:n]))
}

func unpunctuated(title string) string {
	out := strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSymbol(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(title, "'", ""))
	if out == title {
		return ""
	}
	return strings.Join(strings.Fields(out), " ")
}

func withYear(m movie.Movie) string {
	if m.Year == 0 {
		return ""
	}
	return m.Title + " " + strconv.Itoa(m.Year)
}

func otherTitle(m movie.Movie, r *rand.Rand) string {
	others := slices.Clone(m.Akas)
	if m.OriginalTitle != "" && m.OriginalTitle != m.Title {
		others = append(others, m.OriginalTitle)
	}
	return pick(others, r)
}

func glued(title string) string {
	if len(strings.Fields(title)) < 2 {
		return ""
	}
	return strings.Join(strings.Fields(unpunctuatedOr(title)), "")
}

func unpunctuatedOr(title string) string {
	if s := unpunctuated(title); s != "" {
		return s
	}
	return title
}

// partial drops a word of a title of three or more.
func partial(title string, r *rand.Rand) string {
	words := strings.Fields(unpunctuatedOr(title))
	if len(words) < 3 {
		return ""
	}
	i := r.IntN(len(words))
	return strings.Join(slices.Delete(words, i, i+1), " ")
}

func reordered(title string, r *rand.Rand) string {
	words := strings.Fields(unpunctuatedOr(title))
	if len(words) < 2 {
		return ""
	}
	shuffled := slices.Clone(words)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if slices.Equal(shuffled, words) {
		return ""
	}
	return strings.Join(shuffled, " ")
}

func pick(values []string, r *rand.Rand) string {
	if len(values) == 0 {
		return ""
	}
	return values[r.IntN(len(values))]
}
