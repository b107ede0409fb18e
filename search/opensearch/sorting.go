package opensearch

import (
	"encoding/json"
	"fmt"
	"math"

	"movies/internal/movie"
	"movies/search"
)

// obj is a JSON object of the engine's query language.
type obj = map[string]any

// sortField is one clause of an order.
type sortField struct {
	field      string
	descending bool
	kind       valueKind
}

type valueKind int

const (
	floatValue valueKind = iota
	intValue
	stringValue
)

// order is a total order of the catalogue: its last field is the id. The order by
// popularity is the index's own, so that the engine stops as soon as a page is
// full. What has no value comes last in every direction.
type order []sortField

func orderOf(s search.Sort) order {
	down := !s.Reverse
	switch s.Key {
	case search.SortRating:
		return order{{"rating", down, floatValue}, {"votes", down, intValue}, {"id", !down, intValue}}
	case search.SortYear:
		return order{{"year", down, intValue}, {"popularity", down, floatValue}, {"id", !down, intValue}}
	case search.SortTitle:
		return order{{"title.sort", s.Reverse, stringValue}, {"id", s.Reverse, intValue}}
	}
	return order{{"popularity", down, floatValue}, {"id", !down, intValue}}
}

func (o order) clauses() []any {
	out := make([]any, len(o))
	for i, f := range o {
		direction := "asc"
		if f.descending {
			direction = "desc"
		}
		out[i] = obj{f.field: obj{"order": direction, "missing": "_last"}}
	}
	return out
}

// values reads the sort values of a hit.
func (o order) values(raw []json.RawMessage) ([]any, error) {
	if len(raw) != len(o) {
		return nil, fmt.Errorf("%d sort values, want %d", len(raw), len(o))
	}
	out := make([]any, len(o))
	for i, f := range o {
		v, err := f.kind.parse(raw[i])
		if err != nil {
			return nil, fmt.Errorf("sort value of %s: %w", f.field, err)
		}
		out[i] = v
	}
	return out, nil
}

func (k valueKind) parse(raw json.RawMessage) (any, error) {
	switch k {
	case intValue:
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	case floatValue:
		switch string(raw) { // what stands for a missing value is not a JSON number
		case `"-Infinity"`:
			return math.Inf(-1), nil
		case `"Infinity"`:
			return math.Inf(1), nil
		}
		var f float64
		err := json.Unmarshal(raw, &f)
		return f, err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

// after makes sort values from a cursor acceptable to the engine. Values that this
// order cannot have given are an ErrInvalid: a forged cursor.
func (o order) after(values []any) ([]any, error) {
	if len(values) != len(o) {
		return nil, errForged
	}
	out := make([]any, len(o))
	for i, f := range o {
		switch v := values[i].(type) {
		case int64:
			if f.kind != intValue || f.field == "year" && (v < math.MinInt32 || v > math.MaxInt32) {
				return nil, errForged
			}
			out[i] = v
		case float64:
			if f.kind != floatValue {
				return nil, errForged
			}
			out[i] = v
			if math.IsInf(v, 0) {
				out[i] = map[bool]string{true: "Infinity", false: "-Infinity"}[v > 0]
			}
		case string:
			if f.kind != stringValue {
				return nil, errForged
			}
			out[i] = v
		}
	}
	return out, nil
}

var errForged = movie.Invalid("cursor", "is damaged: use next_cursor of an answer as it is")
