package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/search"
)

// Searcher answers questions from one index or alias. The files: searcher.go the
// flow, text.go what is done for a text, textquery.go, filters.go, sorting.go,
// facets.go, similar.go and suggest.go the engine's query language, hits.go the
// answers.
//
// Its promises. Totals are exact up to maxTotal and "at least" beyond, the same
// on every page of every size. A page is cut by sort values or by remembered ids
// (see search.Position), so the cluster keeps no state between pages. An answer
// is complete or an error: a shard that failed or ran out of time is
// movie.ErrUnavailable, never a shorter list. An index whose mapping is not
// understood is not asked (guard.go).
type Searcher struct {
	client  *Client
	index   string
	timeout time.Duration
	guard   guard
}

var _ search.Searcher = (*Searcher)(nil)

// NewSearcher answers from index, which may be an alias. timeout bounds each
// question, above the caller's own deadline; 0 means two seconds.
func NewSearcher(c *Client, index string, timeout time.Duration) *Searcher {
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	return &Searcher{client: c, index: index, timeout: timeout, guard: guard{client: c, index: index}}
}

// maxTotal is how far matches are counted.
const maxTotal = 10_000

// window is how many of the best matches are shown before all others: the largest
// page. Of a text's, the first rank.Depth are ranked against each other.
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
	result, err := s.answer(ctx, r, position)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", r, err)
	}
	return result, nil
}

func (s *Searcher) answer(ctx context.Context, r search.Request, p search.Position) (*search.Result, error) {
	q := plan{request: r, match: obj{"match_all": obj{}}}
	switch {
	case r.SimilarTo != 0:
		match, err := s.likeness(ctx, r.SimilarTo)
		if err != nil {
			return nil, err
		}
		q.match, q.finite = match, true
	case r.Text != "":
		return s.answerText(ctx, q, p)
	}
	var result *search.Result
	var facets map[search.Facet][]search.FacetCount
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if q.finite && r.Sort.Key == search.SortRelevance {
			result, err = s.best(gctx, q, p)
			return err
		}
		result, err = s.sorted(gctx, q, orderOf(r.Sort), p, r.Limit)
		return err
	})
	g.Go(func() (err error) { facets, err = s.facets(gctx, q); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	result.Facets = facets
	return result, nil
}

// plan is a question on its way to the engine.
type plan struct {
	request search.Request
	// match decides which movies match and how well, apart from the filters.
	match obj
	// finite says that an answer by relevance ends with its window.
	finite bool
	// text is what was understood, nil without text.
	text *understood
}

// best shows the part of a finite window that was not shown yet.
func (s *Searcher) best(ctx context.Context, q plan, p search.Position) (*search.Result, error) {
	a, err := s.search(ctx, q.windowBody(window))
	if err != nil {
		return nil, err
	}
	items := a.items()
	result, _ := q.cut(items, a.total(0), p)
	return result, nil
}

// windowBody asks for the best matches.
func (q plan) windowBody(size int) obj {
	body := q.body(size)
	body["sort"] = []any{"_score", obj{"id": "asc"}}
	return body
}

// cut is the next page of a window in its final order, and the position behind it.
func (q plan) cut(items []search.Item, total search.Total, p search.Position) (*search.Result, search.Position) {
	more := !q.finite && !(total.Exact && total.Value <= int64(len(items)))
	items = without(items, p.Shown)
	if len(items) > q.request.Limit {
		items, more = items[:q.request.Limit], true
	}
	for _, item := range items {
		p.Shown = append(p.Shown, item.Movie.ID)
	}
	result := &search.Result{Items: items, Total: total}
	if more {
		result.NextCursor = q.request.CursorAt(p)
	}
	return result, p
}

// sorted shows what follows p in the order of a field, without what p has shown.
func (s *Searcher) sorted(ctx context.Context, q plan, order order, p search.Position, limit int) (*search.Result, error) {
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
	a, err := s.search(ctx, body)
	if err != nil {
		return nil, err
	}
	items := a.items()
	result := &search.Result{Items: items, Total: a.total(len(p.Shown))}
	if len(items) > limit {
		result.Items = items[:limit]
		if p.After, err = order.values(a.Hits.Hits[limit-1].Sort); err != nil {
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
		body["highlight"] = highlight(q.text.query)
	}
	return body
}

// searchParameters: never a part of an answer for the whole, and parts of scores
// for the clauses that have a name.
var searchParameters = url.Values{"allow_partial_search_results": {"false"}, "include_named_queries_score": {"true"}}

// search sends a search. It is given slightly less time than the caller waits, so
// that a slow shard is told apart from a broken connection.
func (s *Searcher) search(ctx context.Context, body obj) (*answer, error) {
	if deadline, ok := ctx.Deadline(); ok {
		body["timeout"] = engineTimeout(time.Until(deadline))
	}
	var a answer
	if err := s.post(ctx, "_search", searchParameters, body, &a); err != nil {
		return nil, err
	}
	if a.TimedOut {
		return nil, errOutOfTime
	}
	return &a, nil
}

// searchMany sends searches together; each must succeed.
func (s *Searcher) searchMany(ctx context.Context, bodies []obj) ([]answer, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, body := range bodies {
		if deadline, ok := ctx.Deadline(); ok {
			body["timeout"] = engineTimeout(time.Until(deadline))
		}
		if err := errors.Join(encoder.Encode(obj{"allow_partial_search_results": false}), encoder.Encode(body)); err != nil {
			return nil, err
		}
	}
	var many struct {
		Responses []struct {
			answer
			Status int         `json:"status"`
			Error  *errorCause `json:"error"`
		} `json:"responses"`
	}
	if err := s.send(ctx, "_msearch", nil, "application/x-ndjson", lines.Bytes(), &many); err != nil {
		return nil, err
	}
	if len(many.Responses) != len(bodies) {
		return nil, fmt.Errorf("%d answers to %d searches", len(many.Responses), len(bodies))
	}
	out := make([]answer, len(bodies))
	for i, r := range many.Responses {
		switch {
		case r.Error != nil:
			return nil, unindexed(&Error{Status: r.Status, Type: r.Error.Type, Reason: r.Error.Reason})
		case r.TimedOut:
			return nil, errOutOfTime
		}
		out[i] = r.answer
	}
	return out, nil
}

var errOutOfTime = fmt.Errorf("%w: the search engine ran out of time", movie.ErrUnavailable)

// post sends a request to the index and decodes the answer into out. Decoding the
// documents is the greater part of what a search costs here, so it is done by the
// successor of encoding/json, in one pass.
func (s *Searcher) post(ctx context.Context, endpoint string, params url.Values, body obj, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.send(ctx, endpoint, params, "application/json", raw, out)
}

// send asks until a cluster that elects a leader, when all nodes refuse to answer
// for about a second, has one; with half of the time it has it gives up.
func (s *Searcher) send(ctx context.Context, endpoint string, params url.Values, mediaType string, body []byte, out any) error {
	patience := time.Now().Add(s.timeout / 2)
	for {
		var answer *Error
		err := s.guard.check(ctx)
		if err == nil {
			err = s.sendOnce(ctx, endpoint, params, mediaType, body, out)
		}
		if !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable || answer.Type != leaderless || time.Now().After(patience) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(electionPause):
		}
	}
}

// leaderless is the error of a node that sees no leader, electionPause how long it
// is left alone before it is asked again.
const (
	leaderless    = "cluster_block_exception"
	electionPause = 50 * time.Millisecond
)

func (s *Searcher) sendOnce(ctx context.Context, endpoint string, params url.Values, mediaType string, body []byte, out any) error {
	path := "/" + s.index + "/" + endpoint
	res, err := s.client.perform(ctx, http.MethodPost, path, params, mediaType, body, onlyReads)
	if err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	defer func() { drain(res.Body); _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return unindexed(fmt.Errorf("POST %s: %w", path, readError(res)))
	}
	if err := jsonv2.UnmarshalRead(res.Body, out); err != nil {
		return fmt.Errorf("POST %s: answer: %w", path, unavailable(ctx, err))
	}
	return nil
}

// onlyReads lets a request be repeated at another node.
func onlyReads(r *http.Request) { r.Header[readsOnly] = nil }

// engineTimeout leaves the answer a tenth of the time to travel.
func engineTimeout(left time.Duration) string {
	return strconv.FormatInt(max(left.Milliseconds()*9/10, 1), 10) + "ms"
}

// unindexed turns the absence of the index into what it is to a reader: the
// catalogue cannot be searched yet.
func unindexed(err error) error {
	if errors.Is(err, movie.ErrNotFound) {
		return fmt.Errorf("%w: the catalogue is not indexed yet: %s", movie.ErrUnavailable, err.Error())
	}
	return err
}
