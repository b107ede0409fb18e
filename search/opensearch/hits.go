package opensearch

import (
	"encoding/json"
	"fmt"
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
	Source    json.RawMessage     `json:"_source"`
	Sort      []json.RawMessage   `json:"sort"`
	Highlight map[string][]string `json:"highlight"`
	Parts     map[string]float64  `json:"matched_queries"`
}

func (h hit) item() (search.Item, error) {
	var doc mappings.Document
	if err := json.Unmarshal(h.Source, &doc); err != nil {
		return search.Item{}, fmt.Errorf("document %s: %w", h.ID, err)
	}
	return search.Item{Movie: doc.Movie, Version: movie.Version(h.Version), Highlight: h.Highlight}, nil
}

func (a *answer) items() ([]search.Item, error) {
	items := make([]search.Item, len(a.Hits.Hits))
	for i, h := range a.Hits.Hits {
		item, err := h.item()
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
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
