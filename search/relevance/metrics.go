package relevance

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
)

// depth of the figures: the first ten results.
const depth = 10

// Figures are means over questions, each from 0 to 1.
type Figures struct {
	Questions int `json:"questions"`
	// NDCG is the discounted gain (2^grade - 1) of the first ten, as a share of
	// what the judged movies in the best order would gain.
	NDCG float64 `json:"ndcg@10"`
	// MRR is one over the place of the first relevant movie, 0 if not in the first ten.
	MRR float64 `json:"mrr@10"`
	// Recall is how many of the relevant movies are among the first ten, of those
	// that could be: ten, or all if there are fewer.
	Recall float64 `json:"recall@10"`
	// ZeroRate is the share of questions without any result.
	ZeroRate float64 `json:"zero_result_rate"`
}

// Ranking answers a query with the ids of movies, best first; at least ten if
// there are so many.
type Ranking func(ctx context.Context, query string) ([]int64, error)

// Answered is a question with its answer and its own figures.
type Answered struct {
	Question
	Results []int64
	Figures
}

// Evaluate asks all questions, some at a time, and returns the means and the
// answers in the order of the questions. Questions without a relevant movie are
// left out of the means, except of ZeroRate. The first error ends it.
func Evaluate(ctx context.Context, questions []Question, concurrency int, rank Ranking) (Figures, []Answered, error) {
	answers := make([]Answered, len(questions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(concurrency)
	for i, q := range questions {
		g.Go(func() error {
			results, err := rank(ctx, q.Query)
			answers[i] = Answered{Question: q, Results: results, Figures: Measure(q, results)}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Figures{}, nil, err
	}
	return Mean(answers), answers, nil
}

// Measure computes the figures of one answer.
func Measure(q Question, results []int64) Figures {
	f := Figures{Questions: 1}
	if len(results) == 0 {
		f.ZeroRate = 1
	}
	var gains []float64
	relevant := 0
	for _, grade := range q.Grades {
		gains = append(gains, gain(grade))
		if grade > 0 {
			relevant++
		}
	}
	slices.SortFunc(gains, func(a, b float64) int { return cmp.Compare(b, a) })
	var ideal, dcg float64
	for i, g := range gains[:min(depth, len(gains))] {
		ideal += g * discount(i)
	}
	hits := 0
	for i, id := range results[:min(depth, len(results))] {
		grade := q.Grades[id]
		dcg += gain(grade) * discount(i)
		if grade > 0 {
			if hits++; hits == 1 {
				f.MRR = 1 / float64(i+1)
			}
		}
	}
	if relevant > 0 {
		f.NDCG = dcg / ideal
		f.Recall = float64(hits) / float64(min(relevant, depth))
	}
	return f
}

func gain(grade int) float64 { return math.Exp2(float64(grade)) - 1 }

func discount(place int) float64 { return 1 / math.Log2(float64(place)+2) }

// Mean of the figures of answers.
func Mean(answers []Answered) Figures {
	var sum Figures
	judged := 0
	for _, a := range answers {
		sum.ZeroRate += a.ZeroRate
		if !a.hasRelevant() {
			continue
		}
		judged++
		sum.NDCG += a.NDCG
		sum.MRR += a.MRR
		sum.Recall += a.Recall
	}
	per := func(x float64, n int) float64 { return x / float64(max(n, 1)) }
	return Figures{
		Questions: len(answers), NDCG: per(sum.NDCG, judged), MRR: per(sum.MRR, judged),
		Recall: per(sum.Recall, judged), ZeroRate: per(sum.ZeroRate, len(answers)),
	}
}

func (q Question) hasRelevant() bool {
	for _, grade := range q.Grades {
		if grade > 0 {
			return true
		}
	}
	return false
}
