package opensearch

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"movies/internal/movie"
	"movies/search"
)

// Lookup implements search.Searcher. Ids are read in real time, from the
// engine's write-ahead log if need be; IMDb ids only as far as they are searchable.
func (s *Searcher) Lookup(ctx context.Context, l search.Lookup) ([]search.Item, error) {
	if n := len(l.IDs) + len(l.IMDbIDs); n > search.MaxIDs {
		return nil, movie.Invalid("ids", fmt.Sprintf("has %d ids, at most %d are allowed", n, search.MaxIDs))
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	ids := l.IDs
	if len(l.IMDbIDs) > 0 {
		found, err := s.idsOfIMDb(ctx, l.IMDbIDs)
		if err != nil {
			return nil, fmt.Errorf("look up %v: %w", l.IMDbIDs, err)
		}
		ids = append(append([]int64(nil), ids...), found...)
	}
	items, err := s.get(ctx, ids, l.Visible)
	if err != nil {
		return nil, fmt.Errorf("look up %v: %w", ids, err)
	}
	return items, nil
}

// get reads documents by id, in the order of ids, the newest or as searches see
// them.
func (s *Searcher) get(ctx context.Context, ids []int64, visible bool) ([]search.Item, error) {
	names := make([]string, 0, len(ids))
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			names = append(names, strconv.FormatInt(id, 10))
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var answer struct {
		Docs []struct {
			hit
			Found bool        `json:"found"`
			Error *errorCause `json:"error"`
		} `json:"docs"`
	}
	params := url.Values{"realtime": {strconv.FormatBool(!visible)}}
	if err := s.post(ctx, "_mget", params, obj{"ids": names}, &answer); err != nil {
		return nil, err
	}
	items := make([]search.Item, 0, len(names))
	for _, d := range answer.Docs {
		if d.Error != nil {
			return nil, fmt.Errorf("%w: document %s: %s", movie.ErrUnavailable, d.ID, d.Error.Reason)
		}
		if !d.Found {
			continue
		}
		items = append(items, d.item())
	}
	return items, nil
}

// idsOfIMDb finds the ids behind IMDb ids, in their order.
func (s *Searcher) idsOfIMDb(ctx context.Context, imdb []string) ([]int64, error) {
	body := obj{
		"query": obj{"terms": obj{"imdb_id": imdb}}, "size": len(imdb) * 2,
		"_source": []string{"id", "imdb_id"}, "track_total_hits": false, "sort": []any{obj{"id": "asc"}},
	}
	a, err := s.search(ctx, body)
	if err != nil {
		return nil, err
	}
	items := a.items()
	var ids []int64
	for _, name := range imdb {
		for _, item := range items {
			if item.Movie.IMDbID == name {
				ids = append(ids, item.Movie.ID)
			}
		}
	}
	return ids, nil
}
