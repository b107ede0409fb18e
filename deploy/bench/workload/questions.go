package workload

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"movies/internal/generate"
	"movies/internal/movie"
)

// kinds of questions with their shares, in hundredths.
var kinds = []struct {
	share int
	make  func(m movie.Movie, r *rand.Rand) string
}{
	{30, suggest},
	{25, text},
	{23, lookup},
	{16, browse},
	{3, misspelt},
	{3, faceted},
}

// question draws a question about a movie that is drawn, too.
func (w *Workload) question(r *rand.Rand) string {
	m := w.generator.Movie(r.Int64N(w.movies))
	which := r.IntN(100)
	for _, k := range kinds {
		if which -= k.share; which < 0 {
			return k.make(m, r)
		}
	}
	panic("the shares of all kinds are not 100")
}

// neverAgain is a search, a browse or something being typed, made different from
// all others by its serial number: as a bound that excludes nothing, or, where
// there are no bounds, as a word behind the others.
func (w *Workload) neverAgain(r *rand.Rand, serial int64) string {
	m := w.generator.Movie(r.Int64N(w.movies))
	bound := "&votes=.." + strconv.FormatInt(1e10+serial, 10)
	switch r.IntN(10) {
	case 0, 1, 2:
		return suggest(m, r) + "%20" + strconv.FormatInt(serial, 36)
	case 3:
		return faceted(m, r) + bound
	case 4, 5:
		return browse(m, r) + bound
	}
	return text(m, r) + bound
}

func lookup(m movie.Movie, r *rand.Rand) string {
	switch r.IntN(10) {
	case 0:
		return "/v1/movies/" + m.IMDbID
	case 1:
		return "/v1/movies?fields=id,title,year,poster_url&ids=" + number(m.ID) + "," + number(generate.FirstID+(m.ID*7+13)%1000)
	}
	return "/v1/movies/" + number(m.ID)
}

// text is what people put into a search box: a title or some of its words, with
// a year, a person, a person and a word.
func text(m movie.Movie, r *rand.Rand) string {
	words := strings.Fields(m.Title)
	asked := m.Title
	switch r.IntN(10) {
	case 0, 1, 2:
		asked = strings.Join(words[:1+r.IntN(len(words))], " ")
	case 3:
		asked = words[r.IntN(len(words))]
	case 4:
		if m.Year != 0 {
			asked += " " + strconv.Itoa(m.Year)
		}
	case 5, 6:
		if len(m.People) > 0 {
			asked = m.People[r.IntN(len(m.People))].Name
		}
	case 7:
		if len(m.Directors) > 0 {
			asked = words[0] + " " + m.Directors[0]
		}
	}
	return "/v1/movies?q=" + url.QueryEscape(strings.ToLower(asked))
}

// misspelt is a title with two letters in the wrong order.
func misspelt(m movie.Movie, r *rand.Rand) string {
	letters := []rune(strings.ToLower(m.Title))
	if len(letters) > 3 {
		i := 1 + r.IntN(len(letters)-2)
		letters[i], letters[i+1] = letters[i+1], letters[i]
	}
	return "/v1/movies?q=" + url.QueryEscape(string(letters))
}

// suggest is the beginning of a title or of a name, as somebody types.
func suggest(m movie.Movie, r *rand.Rand) string {
	whole := m.Title
	if len(m.People) > 0 && r.IntN(4) == 0 {
		whole = m.People[0].Name
	}
	letters := []rune(strings.ToLower(whole))
	typed := strings.TrimSpace(string(letters[:min(len(letters), 2+r.IntN(9))]))
	return "/v1/suggest?q=" + url.QueryEscape(typed)
}

// browse is filters and an order, without text.
func browse(m movie.Movie, r *rand.Rand) string {
	q := url.Values{}
	if len(m.Genres) > 0 && r.IntN(5) > 0 {
		q.Set("genre", m.Genres[0])
	}
	if year := m.Year; year != 0 && r.IntN(3) > 0 {
		from := year - r.IntN(10)
		q.Set("year", strconv.Itoa(max(from, movie.MinYear))+".."+strconv.Itoa(year))
	}
	switch r.IntN(8) {
	case 0:
		q.Set("language", m.Languages[0])
	case 1:
		q.Set("country", m.Countries[0])
	case 2:
		q.Set("rating", strconv.Itoa(1+r.IntN(7))+"..")
	case 3:
		if len(m.People) > 0 {
			q.Set("person", m.People[0].Name)
		}
	}
	if sort := []string{"", "", "rating", "year"}[r.IntN(4)]; sort != "" {
		q.Set("sort", sort)
	}
	q.Set("limit", []string{"10", "20", "20", "24"}[r.IntN(4)])
	return "/v1/movies?" + q.Encode()
}

// faceted counts genres and decades of what a word or a filter finds.
func faceted(m movie.Movie, r *rand.Rand) string {
	if r.IntN(2) == 0 && m.Year != 0 {
		return "/v1/movies?facets=genre,decade&year=" + strconv.Itoa(m.Year) + "..&language=" + url.QueryEscape(m.Languages[0])
	}
	return "/v1/movies?facets=genre,decade&q=" + url.QueryEscape(strings.ToLower(strings.Fields(m.Title)[0]))
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
