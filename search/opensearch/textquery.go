package opensearch

import (
	"strings"

	"movies/search/query"
	"movies/search/rank"
)

// step is how much of a text has to match. Later steps are taken only when
// earlier ones find too little; the number is part of a cursor.
type step uint8

const (
	// allTerms: every required term is somewhere in the movie, as it is, or glued
	// or split differently; or a title is, or begins with, the text; or it begins
	// with the text without the number of a sequel, for who asks for "Cars 1" means "Cars".
	allTerms step = iota
	// similarTerms: every required term, or one that it may be a misspelling or the
	// beginning of.
	similarTerms
	// anyTerm: at least one required term, or what it is the beginning of.
	anyTerm
	// anySimilar: at least one required term, or a similar one.
	anySimilar
	// unquoted: as anySimilar, and quoted words do not have to stand together.
	unquoted

	lastStep = unquoted
)

// forgives tells whether misspellings are forgiven.
func (s step) forgives() bool { return s == similarTerms || s >= anySimilar }

// partial tells whether some terms may be missing.
func (s step) partial() bool { return s >= anyTerm }

// scored are the fields whose match counts beyond that of each term anywhere,
// and their weights. The names are those of rank.Parts.
var scored = []struct {
	name, field string
	weight      float64
}{
	{"title", "title", 1}, {"titles", "titles.stem", 2}, {"names", "names", 1.2},
	{"characters", "characters", 2}, {"keywords", "keywords.text", 0.8}, {"overview", "overview", 1},
}

// Weights of what else a text can match.
const (
	weightWhole   = 20 // a title is the text
	weightCore    = 15 // a title is the text without noise
	weightStarts  = 6  // a title begins with the text without noise
	weightSeries  = 5  // a title begins with the text without the sequel's number
	weightPhrase  = 2
	weightYear    = 4
	weightJoined  = 3
	weightBegun   = 1.5
	weightSimilar = 4
	weightNoise   = 0.5
	weightAll     = 3 // all terms match, where not all have to
	weightMerit   = 2
)

// textQuery scores movies against a text: the sum, over its terms, of the best
// way each is found, and over fields, of how well the words match; on top of what
// the catalogue thinks of the movie. The parts that package rank asks for are
// named.
func textQuery(q query.Query, at step, similar corrections) obj {
	if len(q.Terms) == 0 { // punctuation alone can only be a title
		return obj{"term": obj{"title.sort": q.Text}}
	}
	core := q.Core()
	var terms []obj
	for i, t := range q.Terms {
		if t.Required() {
			terms = append(terms, termClause(q, i, at, similar))
		}
	}
	found := obj{"bool": obj{"must": terms}}
	if at.partial() {
		found = obj{"bool": obj{"should": append(terms, constant(found, weightAll))}}
	}
	whole := obj{"constant_score": obj{"filter": match("titles.glued", q.Text, nil), "boost": weightWhole, "_name": partWhole}}
	ways := []obj{found, whole}
	if len(query.Glue(core)) >= minBeginning {
		ways = append(ways, constant(match("titles.starts", core, nil), weightStarts))
	}
	if series := q.Series(); len(query.Glue(series)) >= minBeginning {
		ways = append(ways, constant(match("titles.starts", series, nil), weightSeries))
	}
	should := []obj{
		constant(match("titles.glued", core, nil), weightCore),
		{"match_phrase": obj{"titles": obj{"query": core, "boost": weightPhrase, "_name": "phrase"}}},
		{"rank_feature": obj{"field": "popularity.rank", "boost": weightMerit}},
		{"rank_feature": obj{"field": "votes.rank", "boost": weightMerit}},
	}
	for _, f := range scored {
		should = append(should, match(f.field, core, obj{"boost": f.weight, "_name": f.name}))
	}
	if noise := q.Noise(); noise != "" {
		should = append(should, match("title", noise, obj{"boost": weightNoise}))
	}
	must := []obj{{"bool": obj{"should": ways}}}
	if at != unquoted {
		must = append(must, phrases(q)...)
	}
	b := obj{"must": must, "should": should}
	if len(q.Excluded) > 0 {
		b["must_not"] = excluded(q)
	}
	return obj{"bool": b}
}

// partWhole names the part of a score that a title gives which is the text.
const partWhole = "whole"

// minBeginning is the least number of letters that count as a title's beginning.
const minBeginning = 4

// termClause matches the i-th term in the best of its ways.
func termClause(q query.Query, i int, at step, similar corrections) obj {
	t := q.Terms[i]
	ways := []obj{match("all", t.Text(), obj{"operator": "and", "_name": rank.TermPart(i)})}
	if joined := joinings(q.Terms, i); len(joined) > 0 {
		ways = append(ways, constant(anyOf("titles.joined", joined), weightJoined))
	}
	switch {
	case t.Kind == query.Year:
		ways = append(ways, constant(years(t.From, t.To), weightYear))
		if word, from, to, ok := t.Apart(); ok {
			ways = append(ways, obj{"bool": obj{"must": match("all", word, nil), "filter": years(from, to)}})
		}
	case t.Kind == query.Genre:
		ways = append(ways, match("all", strings.Join(t.Genres, " "), obj{"operator": "and"}))
	case at != allTerms && len(t.Words) == 1:
		ways = append(ways, similar.clauses(t.Words[0])...)
		if i == len(q.Terms)-1 && (i == 0 || len(t.Words[0]) > 1) {
			ways = append(ways, constant(match("titles.prefix", t.Text(), nil), weightBegun))
		}
	}
	if len(ways) == 1 {
		return ways[0]
	}
	return obj{"dis_max": obj{"queries": ways}}
}

// joinings are the i-th term and its combinations with its neighbours, without
// space: "spider" beside "man" is found in "Spiderman", and "spiderman" in
// "Spider-Man".
func joinings(terms []query.Term, i int) []string {
	t := terms[i]
	if len(t.Words) > 1 {
		return nil
	}
	var out []string
	if len(t.Words[0]) > 2 {
		out = append(out, t.Words[0])
	}
	if i > 0 {
		out = append(out, strings.Join(terms[i-1].Words, "")+t.Words[0])
	}
	if i+1 < len(terms) {
		out = append(out, t.Words[0]+strings.Join(terms[i+1].Words, ""))
	}
	return out
}

// phrases have to stand together in some field.
func phrases(q query.Query) []obj {
	out := make([]obj, 0, len(q.Phrases))
	for _, p := range q.Phrases {
		out = append(out, obj{"multi_match": obj{"query": p, "type": "phrase", "fields": []string{"titles", "names", "characters", "keywords.text", "overview"}}})
	}
	return out
}

// excluded words are nowhere in the movie.
func excluded(q query.Query) []obj {
	out := make([]obj, len(q.Excluded))
	for i, e := range q.Excluded {
		out[i] = match("all", e, obj{"operator": "and"})
	}
	return out
}

func years(from, to int) obj {
	bounds := obj{}
	if from != 0 {
		bounds["gte"] = from
	}
	if to != 0 {
		bounds["lte"] = to
	}
	return obj{"range": obj{"year": bounds}}
}

func match(field, text string, options obj) obj {
	m := obj{"query": text}
	for k, v := range options {
		m[k] = v
	}
	return obj{"match": obj{field: m}}
}

func constant(filter obj, score float64) obj {
	return obj{"constant_score": obj{"filter": filter, "boost": score}}
}

// highlight marks the words where a person sees them, cut as in titles and as in
// prose, whatever the field. Everything else in a fragment is escaped.
func highlight(q query.Query) obj {
	whole := obj{"number_of_fragments": 0}
	return obj{
		"encoder": "html", "pre_tags": []string{"<em>"}, "post_tags": []string{"</em>"}, "require_field_match": false,
		"highlight_query": obj{"multi_match": obj{"query": q.Core(), "type": "most_fields", "fields": []string{"titles", "overview"}}},
		"fields": obj{
			"title": whole, "original_title": whole, "akas": whole, "directors": whole, "cast": whole, "characters": whole,
			"overview": obj{"number_of_fragments": 2, "fragment_size": 160},
		},
	}
}
