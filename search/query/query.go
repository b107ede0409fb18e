package query

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the query on one line: a term as its words, with its other meaning
// behind it.
func (q Query) String() string {
	var parts []string
	for _, t := range q.Terms {
		parts = append(parts, t.String())
	}
	for _, p := range q.Phrases {
		parts = append(parts, strconv.Quote(p))
	}
	for _, e := range q.Excluded {
		parts = append(parts, "-"+strconv.Quote(e))
	}
	return strings.Join(parts, " ")
}

// String is the term as Query.String shows it: "alien", "the~" for a stop word,
// "imdb?" for noise, "1979(1979..1979)", "sci fi(science fiction)".
func (t Term) String() string {
	text := strings.Join(t.Words, "_")
	switch t.Kind {
	case Stop:
		return text + "~"
	case Noise:
		return text + "?"
	case Year:
		return fmt.Sprintf("%s(%s..%s)", text, open(t.From), open(t.To))
	case Genre:
		return fmt.Sprintf("%s(%s)", text, strings.Join(t.Genres, " "))
	}
	return text
}

func open(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// Contains tells whether the year is meant by a Year.
func (t Term) Contains(year int) bool {
	return year != 0 && year >= t.From && (t.To == 0 || year <= t.To)
}

// Words are the words of the terms that pass, in order.
func (q Query) Words(pass func(Term) bool) []string {
	var out []string
	for _, t := range q.Terms {
		if pass(t) {
			out = append(out, t.Words...)
		}
	}
	return out
}

// Core is the text without noise, folded.
func (q Query) Core() string {
	return strings.Join(q.Words(func(t Term) bool { return t.Kind != Noise }), " ")
}

// Noise is the noise of the text, folded.
func (q Query) Noise() string {
	return strings.Join(q.Words(func(t Term) bool { return t.Kind == Noise }), " ")
}

// Series is the text without noise and without the number of a sequel: what the
// titles of a series begin with. It is empty when no such number was typed, or
// nothing else.
func (q Query) Series() string {
	numbered := false
	words := q.Words(func(t Term) bool {
		number := t.Sequel() > 0
		numbered = numbered || number
		return t.Kind != Noise && t.Kind != Year && !number
	})
	if !numbered {
		return ""
	}
	return strings.Join(words, " ")
}

// Sequel is the number a term is, if it can be that of a sequel: of one digit or
// two. 0 otherwise.
func (t Term) Sequel() int {
	if t.Kind != Word || len(t.Words[0]) > 2 {
		return 0
	}
	n, err := strconv.ParseUint(t.Words[0], 10, 8)
	if err != nil {
		return 0
	}
	return int(n)
}
