package opensearch

import (
	"movies/search"
)

// dimension is what filters and facets are about: where its values lie, and which
// part of the request narrows it.
type dimension struct {
	facet  search.Facet
	filter obj
}

// dimensions are the filters of the request that a facet may count without.
func dimensions(r search.Request) []dimension {
	genres := anyOf("genres.folded", r.Genres)
	if r.AllGenres {
		genres = allOf("genres.folded", r.Genres)
	}
	return []dimension{
		{search.FacetGenre, genres},
		{search.FacetLanguage, anyOf("languages.folded", r.Languages)},
		{search.FacetCountry, anyOf("countries.folded", r.Countries)},
		{search.FacetKeyword, anyOf("keywords.folded", r.Keywords)},
		{search.FacetYear, within("year", r.Year)},
	}
}

// dimensionOf is the dimension whose own filter a facet ignores.
func dimensionOf(f search.Facet) search.Facet {
	if f == search.FacetDecade {
		return search.FacetYear
	}
	return f
}

// counted tells whether one of the requested facets ignores the dimension.
func (q plan) counted(d dimension) bool {
	for _, f := range q.request.Facets {
		if dimensionOf(f) == d.facet {
			return true
		}
	}
	return false
}

// query is the match narrowed by all filters.
func (q plan) query() obj {
	filters, apart := q.filters()
	for _, d := range apart {
		filters = append(filters, d.filter)
	}
	return conjunction(q.match, filters, exclusions(q.request))
}

// filters splits the filters into those that hold for every facet and those that
// one facet ignores.
func (q plan) filters() (always []obj, apart []dimension) {
	r := q.request
	for _, d := range dimensions(r) {
		switch {
		case d.filter == nil:
		case q.counted(d):
			apart = append(apart, d)
		default:
			always = append(always, d.filter)
		}
	}
	for _, f := range []obj{within("rating", r.Rating), within("votes", r.Votes), within("runtime", r.Runtime), named(r.People)} {
		if f != nil {
			always = append(always, f)
		}
	}
	if r.PersonID != 0 {
		always = append(always, obj{"term": obj{"people.id": r.PersonID}})
	}
	if r.Only != nil {
		always = append(always, obj{"terms": obj{"id": r.Only}})
	}
	return always, apart
}

// exclusions are the movies that never match.
func exclusions(r search.Request) []obj {
	var out []obj
	if !r.Adult {
		out = append(out, obj{"term": obj{"adult": true}})
	}
	if r.SimilarTo != 0 {
		out = append(out, obj{"term": obj{"id": r.SimilarTo}})
	}
	return out
}

func conjunction(match obj, filters, exclusions []obj) obj {
	b := obj{"must": match}
	if len(filters) > 0 {
		b["filter"] = filters
	}
	if len(exclusions) > 0 {
		b["must_not"] = exclusions
	}
	return obj{"bool": b}
}

func anyOf(field string, values []string) obj {
	if len(values) == 0 {
		return nil
	}
	return obj{"terms": obj{field: values}}
}

func allOf(field string, values []string) obj {
	if len(values) == 0 {
		return nil
	}
	terms := make([]obj, len(values))
	for i, v := range values {
		terms[i] = obj{"term": obj{field: v}}
	}
	return obj{"bool": obj{"filter": terms}}
}

// named keeps the movies with one of the people, as director or in the cast.
func named(people []string) obj {
	if len(people) == 0 {
		return nil
	}
	return obj{"bool": obj{"should": []obj{anyOf("directors.folded", people), anyOf("cast.folded", people)}}}
}

func within(field string, r search.Range) obj {
	if r.IsZero() {
		return nil
	}
	bounds := obj{}
	if r.From != nil {
		bounds["gte"] = *r.From
	}
	if r.To != nil {
		bounds["lte"] = *r.To
	}
	return obj{"range": obj{field: bounds}}
}
