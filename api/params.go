package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"movies/internal/movie"
)

// params reads query parameters and collects what is wrong with them, so that an
// answer names every bad parameter at once. A parameter is known by being read:
// err, called last, reports the ones nobody asked for.
type params struct {
	values   url.Values
	known    []string
	problems []movie.FieldProblem
}

// parseParams fails only on a query string that is not well-formed.
func parseParams(u *url.URL) (*params, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, &httpError{status: 400, detail: "the query string is not well-formed: " + err.Error()}
	}
	return &params{values: values}, nil
}

func (p *params) wrong(name, format string, args ...any) {
	p.problems = append(p.problems, movie.FieldProblem{Field: name, Detail: fmt.Sprintf(format, args...)})
}

// list reads a repeatable parameter; empty values are left out.
func (p *params) list(name string, most int) []string {
	p.known = append(p.known, name)
	var out []string
	for _, v := range p.values[name] {
		switch v = strings.TrimSpace(v); {
		case v == "":
		case !utf8.ValidString(v) || strings.ContainsRune(v, 0):
			p.wrong(name, "is not valid UTF-8 text")
		case utf8.RuneCountInString(v) > movie.MaxName:
			p.wrong(name, "is longer than %d characters", movie.MaxName)
		default:
			out = append(out, v)
		}
	}
	if len(out) > most {
		p.wrong(name, "is given %d times, at most %d are allowed", len(out), most)
		return nil
	}
	return out
}

// one reads a parameter that may be given once, of at most so many characters;
// false when it is absent or was reported.
func (p *params) one(name string, most int) (string, bool) {
	p.known = append(p.known, name)
	values := p.values[name]
	if len(values) == 0 {
		return "", false
	}
	v := values[0]
	switch {
	case len(values) > 1:
		p.wrong(name, "is given %d times, but takes one value", len(values))
	case !utf8.ValidString(v) || strings.ContainsRune(v, 0):
		p.wrong(name, "is not valid UTF-8 text")
	case utf8.RuneCountInString(v) > most:
		p.wrong(name, "is longer than %d characters", most)
	default:
		return strings.TrimSpace(v), true
	}
	return "", false
}

// text reads text, which may be empty.
func (p *params) text(name string, most int) string {
	v, _ := p.one(name, most)
	return v
}

// number reads an integer within inclusive bounds; absent gives the default.
func (p *params) number(name string, least, most, absent int64) int64 {
	v, given := p.one(name, 20)
	if !given {
		return absent
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		p.wrong(name, "must be a whole number from %d to %d, not %q", least, most, v)
		return absent
	}
	return n
}

// flag reads true or false; absent is false.
func (p *params) flag(name string) bool {
	v, given := p.one(name, 10)
	if given && v != "true" && v != "false" {
		p.wrong(name, "must be true or false, not %q", v)
	}
	return v == "true"
}

// choice reads one of the given values; absent gives "".
func (p *params) choice(name string, allowed ...string) string {
	v, given := p.one(name, 50)
	if given && !slices.Contains(allowed, v) {
		p.wrong(name, "must be one of %s, not %q", strings.Join(allowed, ", "), v)
		return ""
	}
	return v
}

// choices reads a comma-separated list of the given values.
func (p *params) choices(name string, allowed []string) []string {
	var out []string
	for _, v := range split(p.text(name, 1_000)) {
		if !slices.Contains(allowed, v) {
			p.wrong(name, "has %q, which is not one of %s", v, strings.Join(allowed, ", "))
			return nil
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// ids reads a comma-separated list of movie ids.
func (p *params) ids(name string, most int) []int64 {
	var out []int64
	for _, v := range split(p.text(name, 25*most)) {
		id, err := strconv.ParseInt(v, 10, 64)
		if err != nil || id < 1 {
			p.wrong(name, "has %q, which is not a movie id (a positive whole number)", v)
			return nil
		}
		out = append(out, id)
	}
	if len(out) > most {
		p.wrong(name, "has %d ids, at most %d are allowed", len(out), most)
		return nil
	}
	return out
}

// bounds reads an inclusive range: 5, 5..7, 5.. or ..7.
func (p *params) bounds(name string, least, most float64) (from, to *float64) {
	v, given := p.one(name, 60)
	if !given {
		return nil, nil
	}
	low, high, isRange := strings.Cut(v, "..")
	if !isRange {
		high = low
	}
	from, ok1 := bound(low, least, most)
	to, ok2 := bound(high, least, most)
	switch {
	case !ok1 || !ok2 || low == "" && high == "":
		p.wrong(name, "must be a value or a range such as %g, %g..%g, %g.. or ..%g with values from %g to %g, not %q", least, least, most, least, most, least, most, v)
	case from != nil && to != nil && *from > *to:
		p.wrong(name, "starts at %s, above its end %s", low, high)
	default:
		return from, to
	}
	return nil, nil
}

func bound(s string, least, most float64) (*float64, bool) {
	if s == "" {
		return nil, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= least && f <= most) { // false for NaN too
		return nil, false
	}
	return &f, true
}

// err reports everything that was wrong, the parameters nobody read included.
func (p *params) err() error {
	slices.Sort(p.known)
	for name := range p.values {
		if !slices.Contains(p.known, name) {
			p.wrong(name, "is not a parameter here; did you mean %q? Known: %s", movie.Nearest(clipped(name), p.known), strings.Join(p.known, ", "))
		}
	}
	if len(p.problems) == 0 {
		return nil
	}
	slices.SortFunc(p.problems, func(a, b movie.FieldProblem) int { return strings.Compare(a.Field, b.Field) })
	return &movie.InvalidError{Problems: p.problems}
}

// split cuts a comma-separated list, leaving out empty parts.
func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// clipped is what is looked at of a name that may be arbitrarily long.
func clipped(name string) string { return name[:min(len(name), 100)] }
