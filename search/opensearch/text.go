package opensearch

import (
	"context"
	"slices"
	"strings"

	"movies/search"
	"movies/search/query"
	"movies/search/rank"
)

// understood is a text on its way to the engine.
type understood struct {
	query   query.Query
	at      step
	similar corrections
}

// enough is how many movies have to match all of a text for the answer to be
// made of these alone. With fewer, movies that match only some of it follow.
const enough = rank.Depth

// few is how many movies match what is probably misspelt: a misspelling is now and
// then another word, of another language or in an overview.
const few = 10

// answerText answers a question with a text: in the order of a field, or by
// relevance, the ranked window first and then the rest by popularity.
func (s *Searcher) answerText(ctx context.Context, q plan, p search.Position) (*search.Result, error) {
	if step(p.Step) > lastStep {
		return nil, errForged
	}
	q.text = &understood{query: query.Parse(q.request.Text)}
	if err := s.take(ctx, &q, step(p.Step)); err != nil {
		return nil, err
	}
	answer := s.ranked
	if q.request.Sort.Key != search.SortRelevance {
		answer = s.sortedText
	}
	result, err := answer(ctx, &q, p)
	if err != nil {
		return nil, err
	}
	result.Facets, err = s.facets(ctx, q)
	return result, err
}

// take makes q match as much of the text as the step says.
func (s *Searcher) take(ctx context.Context, q *plan, at step) (err error) {
	q.text.at = at
	if at.forgives() && q.text.similar == nil {
		if q.text.similar, err = s.correct(ctx, q.text.query); err != nil {
			return err
		}
	}
	q.match = textQuery(q.text.query, at, q.text.similar)
	return nil
}

// beginning tells whether p is where the steps are still to be taken.
func beginning(p search.Position) bool { return len(p.Shown) == 0 && len(p.After) == 0 }

// sortedText answers in the order of a field what matches all of the text, or
// else similar words, or else some.
func (s *Searcher) sortedText(ctx context.Context, q *plan, p search.Position) (*search.Result, error) {
	result, err := s.sorted(ctx, *q, orderOf(q.request.Sort), p, q.request.Limit)
	for _, at := range []step{similarTerms, anySimilar, unquoted} {
		if err != nil || result.Total.Value > 0 || !beginning(p) {
			break
		}
		if err = s.take(ctx, q, at); err == nil {
			p.Step = uint8(at)
			result, err = s.sorted(ctx, *q, orderOf(q.request.Sort), p, q.request.Limit)
		}
	}
	if err != nil {
		return nil, err
	}
	result.Interpreted = q.text.interpretation(nil)
	if q.text.at != allTerms {
		result.Interpreted.Relaxed = []string{relaxations[q.text.at]}
	}
	return result, nil
}

// ranked answers by relevance.
func (s *Searcher) ranked(ctx context.Context, q *plan, p search.Position) (*search.Result, error) {
	if len(p.After) > 0 {
		return s.rest(ctx, q, p, &search.Result{Interpreted: q.text.interpretation(nil)})
	}
	size := rank.Depth
	if len(p.Shown)+q.request.Limit > size {
		size = window
	}
	w, err := s.window(ctx, q, beginning(p), size)
	if err != nil {
		return nil, err
	}
	p.Step = uint8(q.text.at)
	result, p := q.cut(w.items, w.total, p)
	result.Interpreted = q.text.interpretation(w)
	result.DidYouMean = q.text.betterSpelling(w)
	if len(result.Items) == q.request.Limit || result.NextCursor == "" {
		return result, nil
	}
	return s.rest(ctx, q, p, result)
}

// rest fills the page of result, whose window is used up, with what else matches.
func (s *Searcher) rest(ctx context.Context, q *plan, p search.Position, result *search.Result) (*search.Result, error) {
	byPopularity := orderOf(search.Sort{Key: search.SortPopularity})
	rest, err := s.sorted(ctx, *q, byPopularity, p, q.request.Limit-len(result.Items))
	if err != nil {
		return nil, err
	}
	for i := range rest.Items {
		rest.Items[i].Score = new(float64) // matches, but was not compared
	}
	rest.Items = append(result.Items, rest.Items...)
	rest.Interpreted, rest.DidYouMean = result.Interpreted, result.DidYouMean
	return rest, nil
}

// ranking is a window in its final order.
type ranking struct {
	items  []search.Item
	places []rank.Place
	total  search.Total
}

// window asks for the best matches and puts them into their final order.
func (s *Searcher) window(ctx context.Context, q *plan, beginning bool, size int) (*ranking, error) {
	a, items, err := s.matches(ctx, q, beginning, size)
	if err != nil {
		return nil, err
	}
	w := &ranking{places: rank.Order(q.text.query, a.candidates(items)), items: make([]search.Item, len(items)), total: a.total(0)}
	for i := range w.places {
		place := &w.places[i]
		w.items[i] = items[place.Candidate]
		w.items[i].Score, w.items[i].MatchedTitle = &place.Score, place.OtherTitle
	}
	return w, nil
}

// matches asks for the best matches. At the beginning of an answer it takes later
// steps for as long as too little matches.
func (s *Searcher) matches(ctx context.Context, q *plan, beginning bool, size int) (*answer, []search.Item, error) {
	for {
		a, err := s.search(ctx, q.windowBody(size))
		if err != nil {
			return nil, nil, err
		}
		next, ok := q.text.next(a)
		if !beginning || !ok {
			return a, a.items(), nil
		}
		if err := s.take(ctx, q, next); err != nil {
			return nil, nil, err
		}
	}
}

// next is the step to take behind an answer; false if that is enough, or there is
// nothing left to give up.
func (u *understood) next(a *answer) (step, bool) {
	switch total := a.Hits.Total.Value; {
	case u.at == allTerms && total < few && !u.titled(a):
		return anySimilar, true
	case u.at == allTerms && total < enough:
		return anyTerm, true
	case u.at != unquoted && total == 0 && len(u.query.Phrases) > 0:
		return unquoted, true
	}
	return 0, false
}

// titled tells whether the text is the title of the best match, in several words:
// then it is not misspelt, and the dear search for similar words is left out. A
// single word may be both a title and a misspelling.
func (u *understood) titled(a *answer) bool {
	return len(u.query.Terms) > 1 && len(a.Hits.Hits) > 0 && a.Hits.Hits[0].Parts[partWhole] > 0
}

// Candidates are what the ranker is given for a text, for training it.
func (s *Searcher) Candidates(ctx context.Context, text string) (query.Query, []rank.Candidate, error) {
	r := search.Request{Text: text}.Normalize()
	q := plan{request: r, text: &understood{query: query.Parse(r.Text)}}
	if err := s.take(ctx, &q, allTerms); err != nil {
		return query.Query{}, nil, err
	}
	a, items, err := s.matches(ctx, &q, true, rank.Depth)
	if err != nil {
		return query.Query{}, nil, err
	}
	return q.text.query, a.candidates(items), nil
}

// candidates are the items as package rank wants them.
func (a *answer) candidates(items []search.Item) []rank.Candidate {
	out := make([]rank.Candidate, len(items))
	for i := range items {
		out[i] = rank.Candidate{Movie: &items[i].Movie, Parts: a.Hits.Hits[i].Parts}
		if score := a.Hits.Hits[i].Score; score != nil {
			out[i].Score = *score
		}
	}
	return out
}

// relaxations tell a person what the steps give up.
var relaxations = map[step]string{
	similarTerms: "similar words are accepted", anyTerm: "not all words have to match", anySimilar: "similar words are accepted, and not all have to match",
	unquoted: "quoted words do not have to stand together",
}

// interpretation says what was understood, in the light of the movie that came first.
func (u *understood) interpretation(w *ranking) *search.Interpretation {
	if w == nil || len(w.items) == 0 {
		return interpret(u.query, nil, "")
	}
	first := w.items[0]
	title := first.Movie.Title
	if first.MatchedTitle != "" {
		title = first.MatchedTitle
	}
	out := interpret(u.query, &first.Movie, title)
	if u.at == unquoted {
		out.Relaxed = append(out.Relaxed, relaxations[unquoted])
	}
	if missing := w.places[0].Missing; len(missing) > 0 {
		out.Relaxed = append(out.Relaxed, u.givenUp(missing, &first, title)...)
	}
	return out
}

// givenUp tells what the first movie lacks: words it has in another spelling, and
// words it does not have at all, not even glued together or begun.
func (u *understood) givenUp(missing []string, first *search.Item, title string) []string {
	present := wordsOf(first, title)
	var out []string
	for _, word := range missing {
		if partOf(present, word) {
			continue
		}
		if c := u.similar.in(word, present); c != "" {
			out = append(out, word+" taken for "+c)
		} else {
			out = append(out, word+" left out")
		}
	}
	return out
}

// betterSpelling is the text with the corrections that led to the first movie, or
// empty if there were none, or more of the text is still not found than was corrected.
func (u *understood) betterSpelling(w *ranking) string {
	if len(w.items) == 0 || len(u.similar) == 0 {
		return ""
	}
	first := &w.items[0]
	present := wordsOf(first, first.MatchedTitle)
	words, corrected, foreign := query.Words(u.query.Text), 0, 0
	for i, word := range words {
		if !slices.Contains(w.places[0].Missing, word) || partOf(present, word) {
			continue
		}
		if c := u.similar.in(word, present); c != "" {
			words[i] = c
			corrected++
		} else {
			foreign++
		}
	}
	if corrected == 0 || foreign > corrected {
		return ""
	}
	return strings.Join(words, " ")
}

// partOf tells whether a word begins or ends one that is present.
func partOf(present []string, word string) bool {
	return slices.ContainsFunc(present, func(w string) bool { return strings.HasPrefix(w, word) || strings.HasSuffix(w, word) })
}

// wordsOf are the words of the titles and the people of a movie, and its titles
// without spaces.
func wordsOf(i *search.Item, title string) []string {
	out := append(query.Words(i.Movie.Title), query.Words(title)...)
	for _, name := range slices.Concat(i.Movie.Directors, i.Movie.Cast) {
		out = append(out, query.Words(name)...)
	}
	return append(out, query.Glue(i.Movie.Title), query.Glue(title))
}
