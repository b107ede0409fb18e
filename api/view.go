package api

import (
	"encoding/json"
	"slices"

	"movies/internal/movie"
	"movies/search"
)

// itemJSON is one movie of an answer.
type itemJSON struct {
	movie.Movie
	Score        *float64            `json:"score,omitempty"`
	MatchedTitle string              `json:"matched_title,omitempty"`
	Highlight    map[string][]string `json:"highlight,omitempty"`
}

// listJSON is the answer of everything that lists movies.
type listJSON struct {
	Items       []any                  `json:"items"`
	Total       totalJSON              `json:"total"`
	Facets      map[string][]countJSON `json:"facets,omitempty"`
	NextCursor  string                 `json:"next_cursor,omitempty"`
	DidYouMean  string                 `json:"did_you_mean,omitempty"`
	Interpreted *search.Interpretation `json:"interpreted,omitempty"`
	// TookMS is filled in by answerTimed, and has to be the last field.
	TookMS int64 `json:"took_ms"`
}

type totalJSON struct {
	Value    int64  `json:"value"`
	Relation string `json:"relation"`
}

type countJSON struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// itemFields are the JSON names that the parameter fields may choose, in the
// order in which an item shows them.
var itemFields = []string{
	"id", "imdb_id", "title", "original_title", "akas", "year", "release_date", "runtime", "genres", "languages",
	"countries", "keywords", "overview", "directors", "cast", "characters", "rating", "votes", "popularity",
	"poster_url", "adult", "revision", "people", "score", "matched_title", "highlight",
}

// view is how a client wants to see movies: all fields, or the named ones.
type view struct{ fields []string }

func readView(p *params) view { return view{fields: p.choices("fields", itemFields)} }

// list is the JSON value of a page.
func (v view) list(r *search.Result) listJSON {
	out := listJSON{
		Items:       make([]any, len(r.Items)),
		Total:       totalJSON{Value: r.Total.Value, Relation: "gte"},
		NextCursor:  r.NextCursor,
		DidYouMean:  r.DidYouMean,
		Interpreted: r.Interpreted,
	}
	if r.Total.Exact {
		out.Total.Relation = "eq"
	}
	for i, item := range r.Items {
		out.Items[i] = v.item(item)
	}
	if len(r.Facets) > 0 {
		out.Facets = make(map[string][]countJSON, len(r.Facets))
	}
	for facet, counts := range r.Facets {
		values := make([]countJSON, len(counts))
		for i, c := range counts {
			values[i] = countJSON(c)
		}
		out.Facets[string(facet)] = values
	}
	return out
}

// item is the JSON value of one movie.
func (v view) item(i search.Item) any {
	whole := itemJSON{Movie: i.Movie, Score: i.Score, MatchedTitle: i.MatchedTitle, Highlight: i.Highlight}
	if len(v.fields) == 0 {
		return whole
	}
	return someFields{whole: whole, fields: v.fields}
}

// someFields marshals the chosen fields of an item, in the item's own order.
type someFields struct {
	whole  itemJSON
	fields []string
}

// MarshalJSON implements json.Marshaler.
func (s someFields) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(s.whole)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for _, name := range itemFields {
		value, has := all[name]
		if !has || !slices.Contains(s.fields, name) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, name...)
		out = append(out, '"', ':')
		out = append(out, value...)
	}
	return append(out, '}'), nil
}
