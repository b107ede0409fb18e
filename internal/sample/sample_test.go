package sample_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"movies/internal/movie"
	"movies/internal/sample"
)

// load reads the catalogue strictly: unknown keys are errors.
func load(t *testing.T) []movie.Movie {
	t.Helper()
	r, err := sample.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var out []movie.Movie
	lines := bufio.NewScanner(bytes.NewReader(all))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var m movie.Movie
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			t.Errorf("line %d: %v", n, err)
			continue
		}
		if err := m.Validate(); err != nil {
			t.Errorf("%d %s: %v", m.ID, m.Title, err)
		}
		out = append(out, m)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryMovieIsComplete(t *testing.T) {
	genres := map[string]bool{}
	for g := range strings.SplitSeq("Action,Adventure,Animation,Biography,Comedy,Crime,Documentary,Drama,Family,Fantasy,Film-Noir,"+
		"History,Horror,Music,Musical,Mystery,Romance,Science Fiction,Sport,Thriller,War,Western", ",") {
		genres[g] = true
	}
	movies := load(t)
	if len(movies) < 1_000 {
		t.Errorf("only %d movies, at least 1,000 are wanted", len(movies))
	}
	for _, m := range movies {
		wrong := func(format string, args ...any) {
			t.Errorf("%d %s (%d): %s", m.ID, m.Title, m.Year, fmt.Sprintf(format, args...))
		}
		if m.ID == 0 || m.ID > 9_999 {
			wrong("id %d is not from 1 to 9999", m.ID)
		}
		if m.Year < 1895 || m.Year > 2025 || m.Runtime < 1 {
			wrong("year %d or running time %d", m.Year, m.Runtime)
		}
		if len(m.Genres) == 0 || len(m.Languages) == 0 || len(m.Countries) == 0 || len(m.Directors) == 0 {
			wrong("genres, languages, countries and directors are needed")
		}
		if n := len([]rune(m.Overview)); n < 80 || n > 300 {
			wrong("overview of %d characters, 80 to 300 are wanted", n)
		}
		for _, g := range m.Genres {
			if !genres[g] {
				wrong("genre %q is not on the list", g)
			}
		}
		for _, list := range [][]string{m.Genres, m.Languages, m.Countries, m.Keywords, m.Akas, m.Cast, m.Directors} {
			if twice := repeated(list); twice != "" {
				wrong("%q is listed twice", twice)
			}
		}
		if m.Rating == 0 || m.Votes == 0 || m.Popularity == 0 {
			wrong("rating, votes and popularity are needed")
		}
	}
}

func TestNothingIsThereTwice(t *testing.T) {
	ids, titles, imdb := map[int64]string{}, map[string]int64{}, map[string]int64{}
	for _, m := range load(t) {
		if other, ok := ids[m.ID]; ok {
			t.Errorf("id %d is both %s and %s", m.ID, other, m.Title)
		}
		ids[m.ID] = m.Title
		key := fmt.Sprintf("%s (%d)", strings.ToLower(m.Title), m.Year)
		if other, ok := titles[key]; ok {
			t.Errorf("%s is both %d and %d", key, other, m.ID)
		}
		titles[key] = m.ID
		if other, ok := imdb[m.IMDbID]; ok && m.IMDbID != "" {
			t.Errorf("%s is both %d and %d", m.IMDbID, other, m.ID)
		}
		imdb[m.IMDbID] = m.ID
	}
}

// A name is spelled in one way: no two spellings fold to the same letters.
func TestPeopleAreSpelledInOneWay(t *testing.T) {
	fold := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	spelled := map[string]string{}
	for _, m := range load(t) {
		for _, name := range append(append([]string{}, m.Directors...), m.Cast...) {
			folded, _, err := transform.String(fold, strings.ToLower(name))
			if err != nil {
				t.Fatal(err)
			}
			folded = strings.NewReplacer(".", "", "-", " ", "'", "").Replace(folded)
			if other, ok := spelled[folded]; ok && other != name {
				t.Errorf("%d %s: %q is elsewhere spelled %q", m.ID, m.Title, name, other)
			}
			spelled[folded] = name
		}
	}
}

func TestItIsSpreadOut(t *testing.T) {
	decades, countries, languages, genres, scripts := map[int]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, m := range load(t) {
		decades[m.Year/10*10]++
		for _, c := range m.Countries {
			countries[c]++
		}
		for _, l := range m.Languages {
			languages[l]++
		}
		for _, g := range m.Genres {
			genres[g]++
		}
		for name, table := range map[string]*unicode.RangeTable{"Han": unicode.Han, "Cyrillic": unicode.Cyrillic, "Hangul": unicode.Hangul,
			"Kana": unicode.Katakana, "Arabic": unicode.Arabic, "Devanagari": unicode.Devanagari, "Greek": unicode.Greek, "Thai": unicode.Thai} {
			if strings.IndexFunc(m.OriginalTitle, func(r rune) bool { return unicode.Is(table, r) }) >= 0 {
				scripts[name]++
			}
		}
	}
	for what, got := range map[string]int{"decades": len(decades), "countries": len(countries), "languages": len(languages), "genres": len(genres), "scripts": len(scripts)} {
		want := map[string]int{"decades": 12, "countries": 45, "languages": 35, "genres": 20, "scripts": 6}[what]
		if got < want {
			t.Errorf("%d %s, at least %d are wanted", got, what, want)
		}
	}
}

func repeated(list []string) string {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s] {
			return s
		}
		seen[s] = true
	}
	return ""
}
