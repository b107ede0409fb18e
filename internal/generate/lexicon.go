package generate

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many words lexicons have. Running text is English, which needs more.
const (
	englishWords = 40_000
	otherWords   = 6_000
	familyNames  = 3_000
)

// lexicon is the words of one language by falling frequency: those that a person
// wrote down first, behind them words made of the language's syllables, which
// only have to look right and be many.
type lexicon struct {
	*language
	words    []string // small letters
	titled   []string // the same with a capital
	families []string
	given    []string
	content  int // index of the first word that can stand alone

	firstResidue int64 // of the numbers of its people, and how many
	residues     int

	// How often they are drawn.
	textRanks, titleRanks, joinRanks, givenRanks, familyRanks, countryRanks *zipf
}

// How flat the heads of the distributions are, fitted to the sample: running text
// with all its little words, what titles are made of, names.
const (
	flatText   = 1.5
	flatTitle  = 60
	flatGiven  = 8
	flatFamily = 40
)

func newLexicon(l *language, r *random, size int) *lexicon {
	links := strings.Fields(l.Links)
	x := &lexicon{language: l, content: len(links), given: strings.Fields(l.Given)}
	x.words = pack(extend(r, append(links, strings.Fields(l.Words)...), l.Syllables, size))
	x.families = extend(r, strings.Fields(l.Families), l.NameSyllables, familyNames)
	x.titled, x.families = capitals(x.words), capitals(x.families)
	x.textRanks, x.titleRanks = newZipf(size, flatText), newZipf(size-x.content, flatTitle)
	x.joinRanks, x.countryRanks = newZipf(len(l.Joins), 3), newZipf(len(l.Countries), 1)
	x.givenRanks, x.familyRanks = newZipf(len(x.given), flatGiven), newZipf(familyNames, flatFamily)
	return x
}

// capitals are the words with a capital each.
func capitals(words []string) []string {
	titled := make([]string, len(words))
	for i, w := range words {
		titled[i] = capital(w)
	}
	return pack(titled)
}

// pack moves words together in memory by rank, so that the frequent ones stay in
// the processor's caches.
func pack(words []string) []string {
	all := strings.Join(words, "")
	at := 0
	for i, w := range words {
		words[i] = all[at : at+len(w)]
		at += len(w)
	}
	return words
}

// extend makes words of two to four syllables behind those that are known, the
// shorter ones first as in every language.
func extend(r *random, known []string, syllables string, n int) []string {
	parts := strings.Fields(syllables)
	seen := make(map[string]bool, n)
	words := slices.Grow(known, n-len(known))
	for _, w := range words {
		seen[w] = true
	}
	for tries := 0; len(words) < n; tries++ {
		count := 2 + len(words)*2/n
		if tries > 4*n { // few syllables: longer words
			count++
		}
		var b strings.Builder
		for range count {
			b.WriteString(parts[r.below(len(parts))])
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

func capital(word string) string {
	c, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToTitle(c)) + word[size:]
}
