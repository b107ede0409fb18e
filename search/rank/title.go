package rank

import (
	"slices"
	"strings"
	"unicode/utf8"

	"movies/internal/movie"
	"movies/search/query"
)

// cover is how a title and the required terms of the text cover each other, from
// 0 to 1. The hard measures count words that are equal, the soft ones also words
// that are glued or split, begun or misspelt, each by how near it comes.
type cover struct {
	title string
	// equal: the title is the text, word by word; whole: it is, apart from a leading
	// article and spaces; core: it is the text without noise and years.
	equal, whole, core bool
	// text is the share of the text's weight in the title, words the share of the
	// title's words in the text.
	text, textSoft, words, wordsSoft float64
	// run is the longest run of words in the same order, as a share of the title.
	run float64
	// begins: the title begins with the text; begun: the text begins with the title.
	begins, begun bool
	// length is how near the lengths are.
	length float64
	// noise is the share of the noise words that are in the title.
	noise float64
	// found are the required terms that are in the title, at least softly.
	found []bool
}

// fits orders titles of one movie by how well they fit the text.
func (c cover) fits() float64 {
	v := c.textSoft * c.wordsSoft
	if c.core {
		v += 1
	}
	if c.whole {
		v += 2
	}
	if c.equal {
		v++
	}
	return v
}

// maxTitles is how many titles of a movie are compared with the text.
const maxTitles = 40

// covers compares the text with all titles and gives the main title's cover and
// the best; the main title wins ties.
func (l *list) covers(m *movie.Movie, words []string) (main, best cover) {
	main = l.cover(m.Title, words)
	best = main
	others := m.Akas[:min(len(m.Akas), maxTitles)]
	if m.OriginalTitle != "" && m.OriginalTitle != m.Title {
		others = append([]string{m.OriginalTitle}, others...)
	}
	for _, t := range others {
		if c := l.cover(t, query.Words(t)); c.fits() > best.fits() {
			best = c
		}
	}
	return main, best
}

func (l *list) cover(title string, words []string) cover {
	c := cover{title: title, found: make([]bool, len(l.q.Terms))}
	glue := strings.Join(words, "")
	c.whole = glue != "" && (slices.Contains(l.whole, withoutArticle(glue, words)) || strings.ContainsAny(glue, "0123456789") && query.Glue(title) == l.whole[1])
	c.equal = glue != "" && slices.Equal(words, l.words)
	c.core = glue != "" && withoutArticle(glue, words) == l.core
	used := make([]float64, len(words))
	last, run, longest := -2, 0, 0
	noise, noisy := 0.0, 0.0
	for i, t := range l.q.Terms {
		for k, w := range t.Words {
			from, to, near := l.find(w, l.at[i]+k, words)
			if near > 0 {
				for j := from; j < to; j++ {
					used[j] = max(used[j], near)
				}
				if run++; from != last {
					run = 1
				}
				last, longest = to, max(longest, run)
			}
			switch {
			case t.Kind == query.Noise:
				noisy++
				if near == 1 {
					noise++
				}
			case t.Required():
				share := l.weights[i] / l.weight / float64(len(t.Words))
				c.textSoft += near * share
				if near == 1 {
					c.text += share
				}
				c.found[i] = c.found[i] || near > 0
			}
		}
	}
	if noisy > 0 {
		c.noise = noise / noisy
	}
	c.measure(words, used)
	c.run = float64(longest) / float64(max(len(words), 1))
	c.begins, c.begun = strings.HasPrefix(glue, l.glued), glue != "" && strings.HasPrefix(l.glued, glue)
	c.length = float64(min(len(glue), len(l.glued))) / float64(max(len(glue), len(l.glued), 1))
	return c
}

// measure weighs the words of the title that are used; words that carry little
// meaning count little.
func (c *cover) measure(words []string, used []float64) {
	total := 0.0
	for j, w := range words {
		weight := 1.0
		if query.IsStop(w) {
			weight = 0.3
		}
		total += weight
		c.wordsSoft += weight * used[j]
		if used[j] == 1 {
			c.words += weight
		}
	}
	if total > 0 {
		c.words /= total
		c.wordsSoft /= total
	}
}

// withoutArticle cuts a leading article off the glued words of a title.
func withoutArticle(glue string, words []string) string {
	if len(afterArticle(words)) < len(words) {
		return glue[len(words[0]):]
	}
	return glue
}

// How near a word comes that is not equal.
const (
	nearGlued    = 0.95
	nearMisspelt = 0.85
	lessPerEdit  = 0.2
	nearBegun    = 0.6
	nearBegins   = 0.5
	moreWhole    = 0.3
)

// find looks for the text's word w, the k-th of all, among the words of a title:
// as it is, glued to or split from its neighbours, begun, or misspelt. It gives
// the title's words [from, to) and how near they come; 0 if nothing does.
func (l *list) find(w string, k int, words []string) (from, to int, near float64) {
	if j := slices.Index(words, w); j >= 0 {
		return j, j + 1, 1
	}
	if j, n := gluedIn(w, words); n > 0 {
		return j, j + n, nearGlued
	}
	for _, glued := range l.pairs[k] {
		if j := slices.Index(words, glued); j >= 0 {
			return j, j + 1, nearGlued
		}
	}
	n := utf8.RuneCountInString(w)
	if n < 3 {
		return 0, 0, 0
	}
	for j, t := range words {
		if v := nearness(w, n, t); v > near {
			from, to, near = j, j+1, v
		}
	}
	return from, to, near
}

// gluedIn finds neighbouring words that are w when glued: where, and how many.
func gluedIn(w string, words []string) (at, n int) {
	for j := range words {
		rest := w
		for k := j; k < len(words); k++ {
			after, ok := strings.CutPrefix(rest, words[k])
			if !ok {
				break
			}
			if rest = after; rest == "" {
				return j, k - j + 1
			}
		}
	}
	return 0, 0
}

// nearness of a word of n >= 3 letters to a word of a title.
func nearness(w string, n int, t string) float64 {
	m := utf8.RuneCountInString(t)
	if m < 3 {
		return 0
	}
	v := 0.0
	if strings.HasPrefix(t, w) {
		v = nearBegun + moreWhole*float64(n)/float64(m)
	} else if strings.HasPrefix(w, t) {
		v = nearBegins + moreWhole*float64(m)/float64(n)
	}
	if edits := allowedEdits(n); edits > 0 && n-m <= edits && m-n <= edits && t[0] == w[0] { // the first letter is right
		if d := query.Distance(w, t, edits); d <= edits {
			v = max(v, nearMisspelt-lessPerEdit*float64(d-1))
		}
	}
	return v
}

// allowedEdits by the length of a word: none below four letters.
func allowedEdits(n int) int {
	switch {
	case n < 4:
		return 0
	case n < 7:
		return 1
	}
	return 2
}
