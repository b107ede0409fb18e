package opensearch

import (
	"context"
	"fmt"

	"movies/internal/movie"
)

// likeness scores movies by what they share with one: makers and cast, keywords,
// genres, era and language, in this order of weight. Rare things shared count for
// more, for the engine weighs a term by its rarity.
func (s *Searcher) likeness(ctx context.Context, id int64) (obj, error) {
	items, err := s.get(ctx, []int64{id}, false)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("movie %d: %w", id, movie.ErrNotFound)
	}
	m := items[0].Movie
	should := []obj{match("titles.stem", m.Title, obj{"boost": 1.5})}
	should = append(should, weighted("directors.folded", m.Directors, 3, 3)...)
	should = append(should, weighted("cast.folded", m.Cast, 8, 1)...)
	should = append(should, weighted("keywords.folded", m.Keywords, 30, 1.2)...)
	should = append(should, weighted("genres.folded", m.Genres, 5, 1.5)...)
	should = append(should, weighted("languages.folded", m.Languages, 2, 0.5)...)
	if m.Overview != "" {
		should = append(should, match("overview", firstRunes(m.Overview, 300), obj{"boost": 0.2}))
	}
	context := []obj{{"rank_feature": obj{"field": "votes.rank", "boost": 2}}}
	if m.Year != 0 {
		for _, span := range []int{5, 15} {
			era := obj{"range": obj{"year": obj{"gte": m.Year - span, "lte": m.Year + span}}}
			context = append(context, obj{"constant_score": obj{"filter": era, "boost": 1}})
		}
	}
	return obj{"bool": obj{"must": obj{"bool": obj{"should": should, "minimum_should_match": min(2, len(should))}}, "should": context}}, nil
}

// weighted is a clause for each of the first n values.
func weighted(field string, values []string, n int, boost float64) []obj {
	out := make([]obj, 0, n)
	for _, v := range values[:min(n, len(values))] {
		out = append(out, obj{"term": obj{field: obj{"value": v, "boost": boost}}})
	}
	return out
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
