package opensearch

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"movies/search"
)

// facetValues is how many values a facet answers, the most frequent first.
const facetValues = 100

// facets counts the requested facets, each among what matches everything but its
// own dimension's filter: the counts say what choosing another value would show.
// They are a search of their own without hits, which the engine keeps in its
// request cache whatever the page, the order and the size.
func (s *Searcher) facets(ctx context.Context, q plan) (map[search.Facet][]search.FacetCount, error) {
	if len(q.request.Facets) == 0 {
		return nil, nil
	}
	always, apart := q.filters()
	aggs := obj{}
	for _, f := range q.request.Facets {
		var others []obj
		for _, d := range apart {
			if d.facet != dimensionOf(f) {
				others = append(others, d.filter)
			}
		}
		aggs[string(f)] = obj{"filter": obj{"bool": obj{"filter": others}}, "aggs": obj{"values": facetAggregation(f)}}
	}
	body := obj{"size": 0, "track_total_hits": false, "query": conjunction(q.match, always, exclusions(q.request)), "aggs": aggs}
	a, err := s.search(ctx, body)
	if err != nil {
		return nil, err
	}
	out := make(map[search.Facet][]search.FacetCount, len(q.request.Facets))
	for _, f := range q.request.Facets {
		out[f] = facetCounts(f, a.Aggregations[string(f)].Values.Buckets)
	}
	return out, nil
}

func facetAggregation(f search.Facet) obj {
	switch f {
	case search.FacetYear:
		return obj{"terms": obj{"field": "year", "size": 250}}
	case search.FacetDecade:
		return obj{"histogram": obj{"field": "year", "interval": 10, "min_doc_count": 1}}
	}
	field := map[search.Facet]string{
		search.FacetGenre: "genres", search.FacetLanguage: "languages", search.FacetCountry: "countries", search.FacetKeyword: "keywords",
	}[f]
	return obj{"terms": obj{"field": field, "size": facetValues * 2, "shard_size": facetValues * 4}}
}

// facetCounts merges spellings that differ in case under the most frequent one,
// and orders by count, then value; years and decades by time, latest first.
func facetCounts(f search.Facet, buckets []bucket) []search.FacetCount {
	out := make([]search.FacetCount, 0, len(buckets))
	seen := map[string]int{}
	for _, b := range buckets {
		value := b.value()
		folded := strings.ToLower(value)
		if i, ok := seen[folded]; ok {
			out[i].Count += b.Count
			continue
		}
		seen[folded] = len(out)
		out = append(out, search.FacetCount{Value: value, Count: b.Count})
	}
	inTime := dimensionOf(f) == search.FacetYear
	slices.SortStableFunc(out, func(a, b search.FacetCount) int {
		if inTime {
			return cmp.Compare(b.Value, a.Value)
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	if !inTime && len(out) > facetValues {
		out = out[:facetValues]
	}
	return out
}

// bucket is one value of an aggregation; the key is a string or a number.
type bucket struct {
	Key   json.RawMessage `json:"key"`
	Count int64           `json:"doc_count"`
}

func (b bucket) value() string {
	var s string
	if json.Unmarshal(b.Key, &s) == nil {
		return s
	}
	var f float64
	if json.Unmarshal(b.Key, &f) == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return string(b.Key)
}
