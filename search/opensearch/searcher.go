package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/search"
)

// Searcher answers questions from one index or alias. The files: searcher.go the
// flow, textquery.go, filters.go, sorting.go, facets.go, similar.go and suggest.go
// the engine's query language, hits.go the answers.
//
// Its promises. Totals are exact up to maxTotal and "at least" beyond, the same
// on every page of every size. A page is cut by sort values or by remembered ids
// (see search.Position), so the cluster keeps no state between pages. An answer
// is complete or an error: a shard that failed or ran out of time is
// movie.ErrUnavailable, never a shorter list.
type Searcher struct {
	client  *Client
	index   string
	timeout time.Duration
}

var _ search.Searcher = (*Searcher)(nil)

// NewSearcher answers from index, which may be an alias. timeout bounds each
// question, above the caller's own deadline; 0 means two seconds.
func NewSearcher(c *Client, index string, timeout time.Duration) *Searcher {
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	return &Searcher{client: c, index: index, timeout: timeout}
}

// maxTotal is how far matches are counted.
const maxTotal = 10_000

// window is how many of the best matches of a text are ranked against each
// other; it is also the largest page.
const window = search.MaxLimit

// Search implements search.Searcher.
func (s *Searcher) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	r = r.Normalize()
	if err := r.Validate(); err != nil {
		return nil, err
	}
	position, err := r.Position()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	q, err := s.plan(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", r, err)
	}
	var result *search.Result
	var facets map[search.Facet][]search.FacetCount
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { result, err = s.page(gctx, q, position); return err })
	g.Go(func() (err error) { facets, err = s.facets(gctx, q); return err })
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("search %s: %w", r, err)
	}
	result.Facets = facets
	return result, nil
}

// plan is a question on its way to the engine.
type plan struct {
	request search.Request
	// match decides which movies match and how well, apart from the filters.
	match obj
	// ranked says that match scores, and the best are shown first.
	ranked bool
	// finite says that a ranked answer ends with its window.
	finite bool
}

func (s *Searcher) plan(ctx context.Context, r search.Request) (plan, error) {
	switch {
	case r.SimilarTo != 0:
		match, err := s.likeness(ctx, r.SimilarTo)
		return plan{request: r, match: match, ranked: r.Sort.Key == search.SortRelevance, finite: true}, err
	case r.Text != "":
		return plan{request: r, match: textQuery(r.Text), ranked: r.Sort.Key == search.SortRelevance}, nil
	}
	return plan{request: r, match: obj{"match_all": obj{}}}, nil
}

// page answers one page. A ranked question shows its window first, then the rest.
func (s *Searcher) page(ctx context.Context, q plan, p search.Position) (*search.Result, error) {
	if !q.ranked {
		return s.sorted(ctx, q, p, q.request.Limit)
	}
	if len(p.After) > 0 {
		return s.sorted(ctx, q, p, q.request.Limit)
	}
	result, p, err := s.best(ctx, q, p)
	if err != nil || len(result.Items) == q.request.Limit || q.finite {
		return result, err
	}
	rest, err := s.sorted(ctx, q, p, q.request.Limit-len(result.Items))
	if err != nil {
		return nil, err
	}
	rest.Items = append(result.Items, rest.Items...)
	return rest, nil
}

// best shows the part of the ranked window that was not shown yet.
func (s *Searcher) best(ctx context.Context, q plan, p search.Position) (*search.Result, search.Position, error) {
	body := q.body(window)
	body["sort"] = []any{"_score", obj{"id": "asc"}}
	answer, err := s.search(ctx, body)
	if err != nil {
		return nil, p, err
	}
	items, err := answer.items(true)
	if err != nil {
		return nil, p, err
	}
	items = without(items, p.Shown)
	result := &search.Result{Items: items, Total: answer.total(0)}
	more := !q.finite && !(result.Total.Exact && result.Total.Value <= int64(len(answer.Hits.Hits)))
	if len(items) > q.request.Limit {
		result.Items, more = items[:q.request.Limit], true
	}
	for _, item := range result.Items {
		p.Shown = append(p.Shown, item.Movie.ID)
	}
	if more {
		result.NextCursor = q.request.CursorAt(p)
	}
	return result, p, nil
}

// sorted shows what follows p in the order of a field, without what p has shown.
func (s *Searcher) sorted(ctx context.Context, q plan, p search.Position, limit int) (*search.Result, error) {
	order := orderOf(q.request.Sort)
	if q.ranked {
		order = orderOf(search.Sort{Key: search.SortPopularity})
	}
	body := q.body(limit + 1) // one more tells whether there is another page
	body["sort"] = order.clauses()
	if len(p.After) > 0 {
		after, err := order.after(p.After)
		if err != nil {
			return nil, err
		}
		body["search_after"] = after
	}
	if len(p.Shown) > 0 {
		body["query"] = obj{"bool": obj{"must": body["query"], "must_not": obj{"terms": obj{"id": p.Shown}}}}
	}
	answer, err := s.search(ctx, body)
	if err != nil {
		return nil, err
	}
	items, err := answer.items(false)
	if err != nil {
		return nil, err
	}
	result := &search.Result{Items: items, Total: answer.total(len(p.Shown))}
	if len(items) > limit {
		result.Items = items[:limit]
		if p.After, err = order.values(answer.Hits.Hits[limit-1].Sort); err != nil {
			return nil, err
		}
		result.NextCursor = q.request.CursorAt(p)
	}
	return result, nil
}

// body is the part of a search that does not depend on the page.
func (q plan) body(size int) obj {
	body := obj{"query": q.query(), "size": size, "version": true, "track_total_hits": maxTotal + 1}
	if q.request.Highlight {
		body["highlight"] = highlight(q.request.Text)
	}
	return body
}

// search sends a search. It is given slightly less time than the caller waits, so
// that a slow shard is told apart from a broken connection.
func (s *Searcher) search(ctx context.Context, body obj) (*answer, error) {
	params := url.Values{"allow_partial_search_results": {"false"}}
	if deadline, ok := ctx.Deadline(); ok {
		body["timeout"] = engineTimeout(time.Until(deadline))
	}
	var a answer
	err := s.client.do(ctx, http.MethodPost, "/"+s.index+"/_search", params, body, &a)
	if err != nil {
		return nil, readable(err)
	}
	if a.TimedOut {
		return nil, fmt.Errorf("%w: the search engine ran out of time", movie.ErrUnavailable)
	}
	return &a, nil
}

// engineTimeout leaves the answer a tenth of the time to travel.
func engineTimeout(left time.Duration) string {
	return strconv.FormatInt(max(left.Milliseconds()*9/10, 1), 10) + "ms"
}

// readable turns the absence of the index into what it is to a reader: the
// catalogue cannot be searched yet.
func readable(err error) error {
	if errors.Is(err, movie.ErrNotFound) {
		return fmt.Errorf("%w: the catalogue is not indexed yet (%v)", movie.ErrUnavailable, err)
	}
	return err
}
