package relevance_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"movies/search/rank"
	"movies/search/relevance"
)

// synthetic examples: relevant is what has a high first and a low second feature.
func synthetic(n int, seed uint64) []relevance.Example {
	r := rand.New(rand.NewPCG(seed, 0))
	examples := make([]relevance.Example, n)
	for i := range examples {
		e := &examples[i]
		e.Question.Grades = map[int64]int{}
		for id := int64(1); id <= 20; id++ {
			f := make([]float32, len(rank.Names))
			for k := range f {
				f[k] = r.Float32()
			}
			e.IDs, e.Features, e.Tiers = append(e.IDs, id), append(e.Features, f), append(e.Tiers, 0)
			if f[0] > 0.7 && f[1] < 0.5 {
				e.Question.Grades[id] = 1
			}
		}
	}
	return examples
}

func figures(examples []relevance.Example, m *rank.Model) relevance.Figures {
	var answers []relevance.Answered
	for _, e := range examples {
		ids := e.Rank(m)
		answers = append(answers, relevance.Answered{Question: e.Question, Results: ids, Figures: relevance.Measure(e.Question, ids)})
	}
	return relevance.Mean(answers)
}

func TestTrainLearnsWhatDecides(t *testing.T) {
	growth := relevance.DefaultGrowth
	growth.Trees, growth.Leaves, growth.MinLeaf = 30, 6, 20
	m := relevance.Train(synthetic(150, 1), growth, nil)
	untrained, trained := figures(synthetic(100, 2), &rank.Model{}), figures(synthetic(100, 2), m)
	if trained.NDCG < 0.95 || untrained.NDCG > 0.7 {
		t.Errorf("NDCG is %.3f, untrained %.3f", trained.NDCG, untrained.NDCG)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rank.ReadModel(raw); err != nil {
		t.Errorf("what was trained cannot be read: %v", err)
	}
	again, err := json.Marshal(relevance.Train(synthetic(150, 1), growth, nil))
	if err != nil || string(again) != string(raw) {
		t.Errorf("training twice gave two models (%v)", err)
	}
}
