package opensearch

import (
	"context"
	"net/http"
	"time"
)

// SearchTime is what an index's shards have spent on queries since they started.
type SearchTime struct {
	Queries int64
	Spent   time.Duration
}

// SearchTime asks how busy searches keep an index. The difference of two answers
// tells how long a query takes on the cluster at the moment.
func (c *Client) SearchTime(ctx context.Context, index string) (SearchTime, error) {
	var answer struct {
		All struct {
			Total struct {
				Search struct {
					Queries int64 `json:"query_total"`
					Millis  int64 `json:"query_time_in_millis"`
				}
			}
		} `json:"_all"`
	}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_stats/search", nil, nil, &answer); err != nil {
		return SearchTime{}, err
	}
	s := answer.All.Total.Search
	return SearchTime{Queries: s.Queries, Spent: time.Duration(s.Millis) * time.Millisecond}, nil
}

// Since is what was spent after an earlier answer.
func (s SearchTime) Since(earlier SearchTime) SearchTime {
	return SearchTime{Queries: s.Queries - earlier.Queries, Spent: s.Spent - earlier.Spent}
}

// Mean is the time of one query; 0 when there was none.
func (s SearchTime) Mean() time.Duration {
	if s.Queries <= 0 {
		return 0
	}
	return s.Spent / time.Duration(s.Queries)
}
