package query

import (
	"regexp"
	"strconv"
)

// Years that can be meant by a number of four digits.
const (
	firstYear = 1888
	lastYear  = 2049
)

var (
	yearRange = regexp.MustCompile(`\b(1[89]\d\d|20\d\d) ?(?:-|–|—|\.\.|/) ?(1[89]\d\d|20\d\d|\d\d)\b`)
	decade    = regexp.MustCompile(`^(1[89]|20)?(\d)0s$`)
)

// spellRanges writes "1990-1995" as "1990 to 1995", for words know no dashes.
func spellRanges(s string) string {
	return yearRange.ReplaceAllStringFunc(s, func(m string) string {
		p := yearRange.FindStringSubmatch(m)
		if len(p[2]) == 2 {
			p[2] = p[1][:2] + p[2]
		}
		if p[2] < p[1] {
			return m
		}
		return p[1] + " to " + p[2]
	})
}

// yearsAt recognises an expression of years at the beginning of words.
func yearsAt(words []string) (Term, int) {
	at := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	if from, ok := year(at(0)); ok && at(1) == "to" {
		if to, ok := year(at(2)); ok && from <= to {
			return Term{Kind: Year, From: from, To: to}, 3
		}
	}
	if at(0) == "from" || at(0) == "between" {
		from, ok := year(at(1))
		to, ok2 := year(at(3))
		if ok && ok2 && (at(2) == "to" || at(2) == "and") && from <= to {
			return Term{Kind: Year, From: from, To: to}, 4
		}
	}
	if from, to, ok := years(at(1)); ok {
		switch at(0) {
		case "before", "until":
			return Term{Kind: Year, To: from - 1}, 2
		case "after":
			return Term{Kind: Year, From: to + 1}, 2
		case "since":
			return Term{Kind: Year, From: from}, 2
		}
	}
	if from, to, ok := years(at(0)); ok {
		return Term{Kind: Year, From: from, To: to}, 1
	}
	return Term{}, 0
}

// years are those meant by one word: "1979", "1990s", "90s".
func years(word string) (from, to int, ok bool) {
	if y, ok := year(word); ok {
		return y, y, true
	}
	m := decade.FindStringSubmatch(word)
	if m == nil {
		return 0, 0, false
	}
	century := m[1]
	if century == "" {
		century = "19"
		if m[2] < "2" {
			century = "20"
		}
	}
	from, _ = strconv.Atoi(century + m[2] + "0")
	return from, from + 9, true
}

func year(word string) (int, bool) {
	if len(word) != 4 {
		return 0, false
	}
	y, err := strconv.Atoi(word)
	return y, err == nil && y >= firstYear && y <= lastYear
}
