package rank

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"movies/internal/movie"
	"movies/search/query"
)

// trait is a kind of thing that movies share.
type trait int

const (
	traitCast trait = iota
	traitDirectors
	traitKeywords
	traitGenres
	traitRoles
	traitNames
	numTraits
)

var traitLabels = [numTraits]string{"cast", "directors", "keywords", "genres", "characters", "names"}

// How much of a movie's lists counts for its likeness.
const (
	maxCast     = 10
	maxKeywords = 30
	maxNames    = 30
)

// values of a movie's trait, of bounded number.
func (d *doc) values(t trait) []string {
	m := d.Movie
	switch t {
	case traitCast:
		return m.Cast[:min(maxCast, len(m.Cast))]
	case traitDirectors:
		return m.Directors[:min(maxCast, len(m.Directors))]
	case traitKeywords:
		return m.Keywords[:min(maxKeywords, len(m.Keywords))]
	case traitGenres:
		return m.Genres[:min(maxCast, len(m.Genres))]
	case traitRoles:
		return d.roles
	}
	return d.names
}

// traits remembers which anchors have a value, as bits, so that a movie is
// compared with all of them at once.
type traits [numTraits]map[string]uint8

func newTraits(anchors []*doc) *traits {
	var out traits
	for t := range numTraits {
		out[t] = make(map[string]uint8, 64)
		for i, a := range anchors {
			for _, v := range a.values(t) {
				out[t][v] |= 1 << i
			}
		}
	}
	return &out
}

// compare counts, trait by trait, the values that the movie shares with the first
// anchor, and with all but itself.
func (t *traits) compare(d *doc, anchors []*doc) (first, others [numTraits]float64) {
	itself := uint8(0)
	if at := slices.Index(anchors, d); at >= 0 {
		itself = 1 << at
	}
	for k := range numTraits {
		for _, v := range d.values(k) {
			have := t[k][v]
			first[k] += float64(have & 1)
			for have &^= itself; have != 0; have &= have - 1 {
				others[k]++
			}
		}
	}
	return first, others
}

// roles are the names of the first characters, each of the names of one who has
// several, without what is said about them in brackets.
func roles(m *movie.Movie) []string {
	var out []string
	for _, c := range m.Characters[:min(maxCast, len(m.Characters))] {
		for name := range strings.SplitSeq(c, "/") {
			name, _, _ = strings.Cut(name, "(")
			if name = strings.TrimSpace(name); name != "" && !anonymous[name] {
				out = append(out, name)
			}
		}
	}
	return out
}

// anonymous characters make no two movies alike.
var anonymous = map[string]bool{
	"Self": true, "Himself": true, "Herself": true, "Narrator": true, "Nurse": true, "Doctor": true, "Policeman": true,
	"Police Officer": true, "Waitress": true, "Bartender": true, "Reporter": true, "Student": true,
}

// properNames are the words of a text that have a capital where no sentence
// begins, and the parts of the characters' names: who and where it is about.
func properNames(overview string, roles []string) []string {
	out := make([]string, 0, maxNames)
	add := func(name string) {
		if len(name) > 2 && len(out) < maxNames && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, r := range roles {
		for name := range strings.FieldsSeq(r) {
			add(name)
		}
	}
	starts := true
	for word := range strings.FieldsSeq(overview) {
		if first, _ := utf8.DecodeRuneInString(word); !starts && unicode.IsUpper(first) {
			end := strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
			if end < 0 {
				end = len(word)
			}
			add(word[:end])
		}
		starts = strings.IndexByte(".!?:", word[len(word)-1]) >= 0
	}
	return out
}

// shareOf is how many of a title's words that mean something are in another title.
func shareOf(title, other []string) float64 {
	n, all := 0.0, 0.0
	for _, w := range title {
		if query.IsStop(w) || len(w) < 2 {
			continue
		}
		all++
		if slices.Contains(other, w) {
			n++
		}
	}
	if all == 0 {
		return 0
	}
	return n / all
}

// sameHead is how many words two titles begin with in common, leading articles
// apart.
func sameHead(a, b []string) float64 {
	a, b = afterArticle(a), afterArticle(b)
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return float64(n)
}

func afterArticle(words []string) []string {
	if len(words) > 1 && (words[0] == "the" || words[0] == "a" || words[0] == "an") {
		return words[1:]
	}
	return words
}
