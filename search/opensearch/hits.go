package opensearch

import (
	"encoding/json"
	"slices"

	"movies/internal/movie"
	"movies/mappings"
	"movies/search"
)

// answer is what the engine says to a search.
type answer struct {
	TimedOut bool `json:"timed_out"`
	Hits     struct {
		Total struct {
			Value    int64  `json:"value"`
			Relation string `json:"relation"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations map[string]struct {
		Values struct {
			Buckets []bucket `json:"buckets"`
		} `json:"values"`
	} `json:"aggregations"`
	Suggest map[string][]struct {
		Text    string `json:"text"`
		Options []struct {
			Text  string  `json:"text"`
			Score float64 `json:"score"`
		} `json:"options"`
	} `json:"suggest"`
}

type hit struct {
	ID        string              `json:"_id"`
	Version   int64               `json:"_version"`
	Score     *float64            `json:"_score"`
	Source    mappings.Document   `json:"_source"`
	Sort      []json.RawMessage   `json:"sort"`
	Highlight map[string][]string `json:"highlight"`
	Parts     map[string]float64  `json:"matched_queries"`
}

func (h *hit) item() search.Item {
	return search.Item{Movie: h.Source.Movie, Version: movie.Version(h.Version), Highlight: h.Highlight}
}

func (a *answer) items() []search.Item {
	items := make([]search.Item, len(a.Hits.Hits))
	for i := range a.Hits.Hits {
		items[i] = a.Hits.Hits[i].item()
	}
	return items
}

// total counts hidden matches in, and cuts at maxTotal, so that it is the same
// on every page.
func (a *answer) total(hidden int) search.Total {
	t := search.Total{Value: a.Hits.Total.Value + int64(hidden), Exact: a.Hits.Total.Relation == "eq"}
	if t.Value > maxTotal {
		return search.Total{Value: maxTotal}
	}
	return t
}

func without(items []search.Item, ids []int64) []search.Item {
	return slices.DeleteFunc(items, func(i search.Item) bool { return slices.Contains(ids, i.Movie.ID) })
}
