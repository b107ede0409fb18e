package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"movies/internal/movie"
)

// Normalize returns the canonical form of the request: text and filter values
// composed (NFC), in lower case, without superfluous space; values sorted and
// without repetition; defaults filled in. It is idempotent, and two requests
// that mean the same have the same normal form.
func (r Request) Normalize() Request {
	r.Text = normalizeText(r.Text)
	for _, values := range []*[]string{&r.Genres, &r.Languages, &r.Countries, &r.Keywords, &r.People} {
		*values = normalizeValues(*values)
	}
	r.AllGenres = r.AllGenres && len(r.Genres) > 1
	r.Only = sortedIDs(r.Only)
	r.Facets = normalizeFacets(r.Facets)
	if r.Limit == 0 {
		r.Limit = DefaultLimit
	}
	ranked := r.Text != "" || r.SimilarTo != 0
	switch {
	case r.Sort.Key == "" && ranked:
		r.Sort.Key = SortRelevance
	case r.Sort.Key == "", r.Sort.Key == SortRelevance && !ranked:
		r.Sort.Key = SortPopularity
	}
	r.Highlight = r.Highlight && r.Text != ""
	return r
}

// Validate reports what is wrong with a normalised request as an ErrInvalid
// whose problems name the HTTP parameters. It does not look at the cursor, see
// Request.Position.
func (r Request) Validate() error {
	var p problems
	p.text("q", r.Text, MaxText)
	p.values("genre", r.Genres)
	p.values("language", r.Languages)
	p.values("country", r.Countries)
	p.values("keyword", r.Keywords)
	p.values("person", r.People)
	p.bounds("year", r.Year)
	p.bounds("rating", r.Rating)
	p.bounds("votes", r.Votes)
	p.bounds("runtime", r.Runtime)
	p.check(r.Limit >= 1 && r.Limit <= MaxLimit, "limit", "must be from 1 to %d, not %d", MaxLimit, r.Limit)
	p.check(len(r.Only) <= MaxOnly, "ids", "has %d ids, at most %d are allowed", len(r.Only), MaxOnly)
	p.check(r.PersonID >= 0, "person", "must be a positive id")
	p.check(r.SimilarTo >= 0, "id", "must be a positive id")
	p.check(r.SimilarTo == 0 || r.Text == "", "q", "cannot be combined with likeness to a movie")
	p.check(slices.Contains(sortKeys, r.Sort.Key), "sort", "must be one of relevance, popularity, rating, year, title, not %q", r.Sort.Key)
	p.check(!r.Sort.Reverse || r.Sort.Key != SortRelevance, "sort", "cannot reverse relevance")
	for _, f := range r.Facets {
		p.check(slices.Contains(AllFacets, f), "facets", "knows genre, language, country, year, decade and keyword, not %q", f)
	}
	return p.err()
}

// Key is the canonical spelling of a normalised request: equal questions, and
// only those, have equal keys.
func (r Request) Key() string {
	var b strings.Builder
	b.WriteString(r.question())
	write(&b, "limit", strconv.Itoa(r.Limit))
	write(&b, "cursor", r.Cursor)
	for _, f := range r.Facets {
		write(&b, "facet", string(f))
	}
	if r.Highlight {
		write(&b, "highlight", "true")
	}
	return b.String()
}

// String is Key.
func (r Request) String() string { return r.Key() }

// question is the part of the key that decides which movies come in which order:
// what a cursor belongs to.
func (r Request) question() string {
	var b strings.Builder
	write(&b, "q", r.Text)
	for _, f := range []struct {
		name   string
		values []string
	}{{"genre", r.Genres}, {"language", r.Languages}, {"country", r.Countries}, {"keyword", r.Keywords}, {"person", r.People}} {
		for _, v := range f.values {
			write(&b, f.name, v)
		}
	}
	if r.AllGenres {
		write(&b, "genre_mode", "all")
	}
	write(&b, "year", r.Year.String())
	write(&b, "rating", r.Rating.String())
	write(&b, "votes", r.Votes.String())
	write(&b, "runtime", r.Runtime.String())
	writeID(&b, "person_id", r.PersonID)
	writeID(&b, "similar", r.SimilarTo)
	if r.Adult {
		write(&b, "adult", "true")
	}
	if r.Only != nil {
		write(&b, "only", strings.Trim(fmt.Sprint(r.Only), "[]")+".")
	}
	write(&b, "sort", r.Sort.String())
	return b.String()
}

// write appends a quoted pair, unless the value is empty. The quoting keeps one
// value from being taken for two.
func write(b *strings.Builder, name, value string) {
	if value == "" {
		return
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(name)
	b.WriteByte('=')
	b.WriteString(strconv.Quote(value))
}

func writeID(b *strings.Builder, name string, id int64) {
	if id != 0 {
		write(b, name, strconv.FormatInt(id, 10))
	}
}

// String is the range as the contract writes it: 1999, 1990..1999, 1990.., ..1950.
func (r Range) String() string {
	end := func(f *float64) string {
		if f == nil {
			return ""
		}
		return strconv.FormatFloat(*f, 'f', -1, 64)
	}
	switch from, to := end(r.From), end(r.To); {
	case r.IsZero():
		return ""
	case from == to:
		return from
	default:
		return from + ".." + to
	}
}

// String is the sort as the contract writes it: "year", "-year".
func (s Sort) String() string {
	if s.Reverse {
		return "-" + string(s.Key)
	}
	return string(s.Key)
}

// Normalize returns the canonical form of the request.
func (s SuggestRequest) Normalize() SuggestRequest {
	s.Text = normalizeText(s.Text)
	if s.Limit == 0 {
		s.Limit = MaxSuggestions
	}
	return s
}

// Validate reports what is wrong with a normalised request as an ErrInvalid.
func (s SuggestRequest) Validate() error {
	var p problems
	p.check(s.Text != "", "q", "is required")
	p.text("q", s.Text, MaxText)
	p.check(s.Limit >= 1 && s.Limit <= MaxSuggestions, "limit", "must be from 1 to %d, not %d", MaxSuggestions, s.Limit)
	return p.err()
}

// Key is the canonical spelling of a normalised request.
func (s SuggestRequest) Key() string { return fmt.Sprintf("q=%q limit=%d", s.Text, s.Limit) }

// normalizeText composes, lowers, and makes every run of space and control
// characters one space.
func normalizeText(s string) string {
	if !utf8.ValidString(s) {
		return s // left for Validate to refuse
	}
	words := strings.FieldsFunc(strings.ToLower(norm.NFC.String(s)), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	return norm.NFC.String(strings.Join(words, " "))
}

func normalizeValues(values []string) []string {
	var out []string
	for _, v := range values {
		if v = normalizeText(v); v != "" {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sortedIDs(ids []int64) []int64 {
	if ids == nil {
		return nil
	}
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

func normalizeFacets(facets []Facet) []Facet {
	if len(facets) == 0 {
		return nil
	}
	out := slices.Clone(facets)
	slices.SortFunc(out, func(a, b Facet) int {
		return cmp.Or(cmp.Compare(slices.Index(AllFacets, a), slices.Index(AllFacets, b)), cmp.Compare(a, b))
	})
	return slices.Compact(out)
}

// problems collects what is wrong, parameter by parameter.
type problems []movie.FieldProblem

func (p *problems) check(ok bool, parameter, format string, args ...any) {
	if !ok {
		*p = append(*p, movie.FieldProblem{Field: parameter, Detail: fmt.Sprintf(format, args...)})
	}
}

func (p *problems) text(parameter, s string, limit int) {
	p.check(utf8.ValidString(s), parameter, "is not valid UTF-8")
	p.check(utf8.RuneCountInString(s) <= limit, parameter, "is longer than %d characters", limit)
}

func (p *problems) values(parameter string, values []string) {
	p.check(len(values) <= MaxFilterValues, parameter, "has %d values, at most %d are allowed", len(values), MaxFilterValues)
	for _, v := range values {
		p.text(parameter, v, movie.MaxName)
	}
}

func (p *problems) bounds(parameter string, r Range) {
	for _, end := range []*float64{r.From, r.To} {
		p.check(end == nil || !math.IsNaN(*end) && math.Abs(*end) <= maxBound, parameter, "must be between -1e12 and 1e12")
	}
	p.check(r.From == nil || r.To == nil || *r.From <= *r.To, parameter, "starts above its end")
}

// maxBound keeps range ends where every engine field and float64 are exact.
const maxBound = 1e12

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &movie.InvalidError{Problems: p}
}
