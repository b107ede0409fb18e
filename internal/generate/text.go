package generate

import (
	"slices"
	"strings"

	"movies/internal/movie"
)

// titles sets all the names of the movie.
func (g *Generator) titles(r *random, text *strings.Builder, m *movie.Movie, i int64, lang *lexicon) {
	start := text.Len()
	switch kind := r.below(1000); {
	case i > 0 && kind < 35: // a remake
		g.firstTitle(text, int64(r.below(int(i))))
	case i > 0 && kind < 75: // a sequel
		g.firstTitle(text, int64(r.below(int(i))))
		text.WriteByte(' ')
		text.WriteString(numerals[numeralRanks.draw(r)])
	case i > 0 && kind < 130: // a part of a series
		g.firstTitle(text, int64(r.below(int(i))))
		text.WriteString(": ")
		g.english.title(r, text, 1+r.below(3))
	case lang != g.english && r.chance(1, 20):
		lang.title(r, text, draw(r, titleWords))
	default:
		g.firstTitle(text, i)
	}
	m.Title = since(text, start)
	if lang != g.english && r.chance(3, 4) {
		start = text.Len()
		lang.title(r, text, draw(r, titleWords))
		if original := since(text, start); original != m.Title {
			m.OriginalTitle = original
		}
	}
	for range draw(r, akaCounts) {
		start = text.Len()
		g.languages[draw(r, languageWeights)].title(r, text, draw(r, titleWords))
		if aka := since(text, start); aka != m.Title && aka != m.OriginalTitle && !slices.Contains(m.Akas, aka) {
			m.Akas = append(m.Akas, aka)
		}
	}
}

var numerals = []string{"2", "II", "3", "III", "4", "Returns", "IV", "5", "6", "7"}

var numeralRanks = newZipf(len(numerals), 1)

// firstTitle writes the title that movie i would have if it followed no other,
// so that any movie can follow it without having been made.
func (g *Generator) firstTitle(text *strings.Builder, i int64) {
	r := newRandom(g.seed, forTitle, i)
	g.english.title(&r, text, draw(&r, titleWords))
}

// title writes n words and what links them.
func (x *lexicon) title(r *random, text *strings.Builder, n int) {
	if x.Article != "" && r.chance(17, 100) {
		text.WriteString(x.Article)
		n = max(1, n-1)
	}
	for k := 0; k < n; k++ {
		if k > 0 && x.Spaced {
			text.WriteByte(' ')
			if k < n-1 && r.chance(2, 5) { // a link and the word behind it
				text.WriteString(x.Joins[x.joinRanks.draw(r)])
				text.WriteByte(' ')
				k++
			}
		}
		text.WriteString(x.titled[x.content+x.titleRanks.draw(r)])
	}
}

// overview writes English sentences up to a drawn length in bytes.
func (g *Generator) overview(r *random, text *strings.Builder) string {
	x, start := g.english, text.Len()
	end := start + int(overviews.draw(r))
	for text.Len() < end {
		if text.Len() > start {
			text.WriteByte(' ')
		}
		text.WriteString(x.titled[x.textRanks.draw(r)])
		for range 6 + r.below(16) {
			text.WriteByte(' ')
			text.WriteString(x.words[x.textRanks.draw(r)])
			if r.chance(1, 14) {
				text.WriteByte(',')
			}
			if text.Len() >= end {
				break
			}
		}
		text.WriteByte('.')
	}
	return since(text, start)
}

// knownKeywords is how many different keywords there are; half are single words.
const knownKeywords = 60_000

var keywordRanks = newZipf(knownKeywords, 20)

func (g *Generator) keywords(r *random, text *strings.Builder, m *movie.Movie) {
	n := draw(r, keywordCounts)
	if n == 0 {
		return
	}
	m.Keywords = make([]string, 0, n)
	for range n {
		keyword := g.keyword(text, keywordRanks.draw(r))
		if !slices.Contains(m.Keywords, keyword) {
			m.Keywords = append(m.Keywords, keyword)
		}
	}
}

// keyword is the keyword of a rank.
func (g *Generator) keyword(text *strings.Builder, rank int) string {
	content := g.english.words[g.english.content:]
	if rank%2 == 0 {
		return content[rank/2]
	}
	start := text.Len()
	text.WriteString(content[(rank*31+7)%997])
	text.WriteByte(' ')
	text.WriteString(content[rank/2])
	return since(text, start)
}
