package opensearch

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/search"
)

// Suggest implements search.Searcher: titles that begin with what was typed, then
// titles with words that do, then people; each by popularity, which is the
// index's order, so the engine looks at little more than it answers. Only when
// that is too little are misspellings forgiven.
func (s *Searcher) Suggest(ctx context.Context, r search.SuggestRequest) (*search.Suggestions, error) {
	r = r.Normalize()
	if err := r.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var starts, words, people []search.Item
	g, gctx := errgroup.WithContext(ctx)
	ask := func(out *[]search.Item, query obj, size int) {
		g.Go(func() (err error) { *out, err = s.popular(gctx, query, size); return err })
	}
	ask(&starts, match("titles.starts", r.Text, nil), r.Limit)
	ask(&words, match("titles.prefix", r.Text, obj{"operator": "and"}), r.Limit)
	ask(&people, match("names.prefix", r.Text, obj{"operator": "and"}), 3*r.Limit)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out suggestions
	out.movies(starts, r)
	out.movies(words, r)
	out.people(people, r)
	if len(out.items) < r.Limit && len([]rune(r.Text)) > 3 {
		tolerant, err := s.popular(ctx, match("titles.prefix", r.Text, obj{"operator": "and", "fuzziness": "AUTO", "prefix_length": 1, "max_expansions": 30}), r.Limit)
		if err != nil {
			return nil, err
		}
		out.movies(tolerant, r)
	}
	return &search.Suggestions{Items: out.items[:min(len(out.items), r.Limit)]}, nil
}

// popular finds the most popular movies that match, without counting them.
func (s *Searcher) popular(ctx context.Context, query obj, size int) ([]search.Item, error) {
	a, err := s.search(ctx, obj{
		"query": conjunction(obj{"constant_score": obj{"filter": query}}, nil, exclusions(search.Request{})),
		"sort":  orderOf(search.Sort{Key: search.SortPopularity}).clauses(), "size": size, "track_total_hits": false,
		"_source": []string{"id", "title", "original_title", "akas", "year", "people"},
	})
	if err != nil {
		return nil, err
	}
	return a.items()
}

// suggestions collects without repetition.
type suggestions struct{ items []search.Suggestion }

func (o *suggestions) movies(items []search.Item, r search.SuggestRequest) {
	for _, i := range items {
		o.add(search.Suggestion{Kind: "movie", ID: i.Movie.ID, Text: i.Movie.Title, Year: i.Movie.Year})
	}
}

// people adds those whose name has a word for every typed one.
func (o *suggestions) people(items []search.Item, r search.SuggestRequest) {
	typed := strings.Fields(r.Text)
	for _, i := range items {
		for _, c := range i.Movie.People {
			if nameMatches(c, typed) {
				o.add(search.Suggestion{Kind: "person", ID: c.ID, Text: c.Name})
			}
		}
	}
}

func nameMatches(c movie.Credit, typed []string) bool {
	words := strings.Fields(strings.ToLower(c.Name))
	for _, t := range typed {
		found := false
		for _, w := range words {
			found = found || strings.HasPrefix(w, t)
		}
		if !found {
			return false
		}
	}
	return true
}

func (o *suggestions) add(s search.Suggestion) {
	for _, have := range o.items {
		if have.Kind == s.Kind && have.ID == s.ID {
			return
		}
	}
	o.items = append(o.items, s)
}
