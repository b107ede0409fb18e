package relevance

import (
	"context"

	"movies/search/rank"
)

// Folds splits questions into n parts by movie: all questions whose most voted
// relevant movie is the same are in the same part, so that none is measured with
// what was learned from its movie. Questions without a relevant movie are in the
// first part. votes may lack movies.
func Folds(questions []Question, votes map[int64]int64, n int) [][]int {
	folds := make([][]int, n)
	for i, q := range questions {
		var best int64
		for id, grade := range q.Grades {
			if grade == 0 {
				continue
			}
			if best == 0 || votes[id] > votes[best] || votes[id] == votes[best] && id < best {
				best = id
			}
		}
		fold := uint64(best) * 0x9E3779B97F4A7C15 >> 32 % uint64(n)
		folds[fold] = append(folds[fold], i)
	}
	return folds
}

// CrossValidate trains on all folds but one and ranks those of that one, for each
// fold; the answers are in the order of the examples. done is told how many folds
// are done.
func CrossValidate(ctx context.Context, examples []Example, folds [][]int, g Growth, done func(fold int)) ([]Answered, error) {
	answers := make([]Answered, len(examples))
	for k, held := range folds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var train []Example
		for other, members := range folds {
			for _, i := range members {
				if other != k {
					train = append(train, examples[i])
				}
			}
		}
		m := Train(train, g, nil)
		for _, i := range held {
			answers[i] = examples[i].answer(m)
		}
		done(k + 1)
	}
	return answers, nil
}

// answer ranks the example's candidates as the searcher would.
func (e Example) answer(m *rank.Model) Answered {
	ids := e.Rank(m)
	return Answered{Question: e.Question, Results: ids, Figures: Measure(e.Question, ids)}
}
