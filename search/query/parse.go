// Package query understands what a person typed. The result is a value: the
// terms of the text and what each may mean besides itself, quoted phrases and
// excluded words, printable by String for logs and golden files.
//
// Its one policy: nothing is swallowed. A word that may be a year, a genre or
// noise stays a word that can match a title ("1917", "Scary Movie", "2001: A
// Space Odyssey"); the other meaning only stands beside it. What was really meant
// is told afterwards by what was found, see Query.Interpret.
package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a term probably is.
type Kind uint8

// The kinds of term.
const (
	// Word has to match.
	Word Kind = iota
	// Stop is a word such as "the"; it need not match.
	Stop
	// Noise says something about the search, not the film; it need not match.
	Noise
	// Year has to match as a word or as the year.
	Year
	// Genre has to match as words or as genres.
	Genre
)

// Term is a word, or several that mean something together.
type Term struct {
	Kind Kind
	// Words are folded, see Words.
	Words []string
	// From and To are the years meant by a Year; 0 is open.
	From, To int
	// Genres are the words that name the genre meant by a Genre.
	Genres []string
}

// Apart tells, of a Year such as "after 2019", the first word and the years named,
// for a movie called "After" of that year.
func (t Term) Apart() (word string, from, to int, ok bool) {
	if t.Kind != Year || len(t.Words) != 2 {
		return "", 0, 0, false
	}
	from, to, ok = years(t.Words[1])
	return t.Words[0], from, to, ok
}

// Text is the term's words.
func (t Term) Text() string { return strings.Join(t.Words, " ") }

// Query is what was typed, understood.
type Query struct {
	// Text is all of it but the excluded, without quotes.
	Text string
	// Terms in the order typed, those within quotes too.
	Terms []Term
	// Phrases were quoted: their words have to stand together.
	Phrases []string
	// Excluded had a minus in front.
	Excluded []string
}

// Bounds of what a query can cost the engine; what is behind them is ignored. No
// title needs more.
const (
	// MaxTerms is how many words count.
	MaxTerms = 16
	// maxTokens is how many tokens the words may become in the index, where scripts
	// without spaces are cut into pairs of letters.
	maxTokens = 40
	// maxPhrases and maxExcluded are how many quoted and excluded parts count.
	maxPhrases  = 4
	maxExcluded = 8
)

// Parse understands text. It never fails: what has no special meaning is words.
func Parse(text string) Query {
	tokens := split(text)
	var q Query
	var plain []string
	for _, t := range tokens {
		switch {
		case t.excluded:
			q.Excluded = append(q.Excluded, t.text)
			continue
		case t.quoted:
			q.Phrases = append(q.Phrases, t.text)
		}
		plain = append(plain, t.text)
	}
	if len(plain) == 0 { // only exclusions say nothing about what is looked for
		q.Excluded, q.Phrases = nil, nil
		for _, t := range tokens {
			plain = append(plain, t.text)
		}
	}
	if q.Text = strings.Join(plain, " "); q.Text == "" {
		q.Text = text
	}
	q.Phrases = q.Phrases[:min(len(q.Phrases), maxPhrases)]
	q.Excluded = q.Excluded[:min(len(q.Excluded), maxExcluded)]
	q.Terms = terms(q.Text)
	if !q.hasRequired() {
		for i := range q.Terms {
			q.Terms[i].Kind = Word
		}
	}
	return q
}

func (q Query) hasRequired() bool {
	for _, t := range q.Terms {
		if t.Required() {
			return true
		}
	}
	return false
}

// Required tells whether the term has to match.
func (t Term) Required() bool { return t.Kind != Stop && t.Kind != Noise }

// token is a piece of the text: a word between spaces, or what stands in quotes.
type token struct {
	text             string
	quoted, excluded bool
}

// split cuts at spaces and quotes. A minus excludes when it stands before a
// letter, digit or quote at the beginning of a word: not in "Spider-Man", not
// alone. A quote that is never closed is no quote.
func split(text string) []token {
	var out []token
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var t token
		if rest, ok := strings.CutPrefix(text, "-"); ok && rest != "" {
			if r, _ := utf8.DecodeRuneInString(rest); unicode.In(r, unicode.L, unicode.N) || quote(r) != 0 {
				t.excluded, text = true, rest
			}
		}
		r, size := utf8.DecodeRuneInString(text)
		if closing := quote(r); closing != 0 {
			if end := strings.IndexRune(text[size:], closing); end >= 0 {
				t.text, t.quoted = strings.TrimSpace(text[size:size+end]), true
				text = text[size+end+utf8.RuneLen(closing):]
				if len(Words(t.text)) > 0 {
					out = append(out, t)
				}
				continue
			}
			text = text[size:]
			if text == "" {
				break
			}
		}
		end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || quote(r) != 0 })
		if end < 0 {
			end = len(text)
		}
		if t.text, text = text[:end], text[end:]; t.text != "" && len(Words(t.text)) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// quote is the rune that closes what r opens, or 0.
func quote(r rune) rune {
	switch r {
	case '"':
		return '"'
	case '“', '„':
		return '”'
	case '«':
		return '»'
	}
	return 0
}

// terms groups the words of text, the longest expression first.
func terms(text string) []Term {
	words := affordable(Words(spellRanges(text)))
	var out []Term
	for len(words) > 0 {
		t, n := termAt(words)
		t.Words = words[:n:n]
		out = append(out, t)
		words = words[n:]
	}
	return out
}

// affordable cuts words to what may be asked of the engine.
func affordable(words []string) []string {
	words = words[:min(len(words), MaxTerms)]
	left := maxTokens
	for i, w := range words {
		cost := 1
		if strings.ContainsFunc(w, unspaced) {
			cost = utf8.RuneCountInString(w)
		}
		if left -= cost; left < 0 {
			short := string([]rune(w)[:cost+left])
			if short == "" {
				return words[:i]
			}
			words[i] = short
			return words[:i+1]
		}
	}
	return words
}

// unspaced tells whether a letter belongs to a script that the index cuts into pairs.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// termAt recognises the longest expression at the beginning of words.
func termAt(words []string) (Term, int) {
	if t, n := yearsAt(words); n > 0 {
		return t, n
	}
	for n := min(longest, len(words)); n > 0; n-- {
		e := strings.Join(words[:n], " ")
		if noise[e] {
			return Term{Kind: Noise}, n
		}
		if g, ok := genres[e]; ok {
			return Term{Kind: Genre, Genres: strings.Fields(g)}, n
		}
	}
	if stops[words[0]] {
		return Term{Kind: Stop}, 1
	}
	return Term{}, 1
}
