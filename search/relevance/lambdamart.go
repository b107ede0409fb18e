package relevance

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"movies/search/query"
	"movies/search/rank"
)

// Example is a query's candidates as the ranker sees them: one feature vector and
// one grade each. Ideal are the grades of all judged movies, found or not.
type Example struct {
	Question Question
	IDs      []int64
	// Tiers come before the model's opinion, see rank.Tiers.
	Tiers    []float64
	Features [][]float32
}

// NewExample makes an example of a question and its candidates.
func NewExample(q Question, parsed query.Query, candidates []rank.Candidate) Example {
	e := Example{Question: q, Tiers: rank.Tiers(parsed, candidates), Features: rank.Features(parsed, candidates)}
	for _, c := range candidates {
		e.IDs = append(e.IDs, c.Movie.ID)
	}
	return e
}

// Rank puts the candidates into the order that the model gives them.
func (e Example) Rank(m *rank.Model) []int64 {
	order := make([]int, len(e.IDs))
	scores := make([]float64, len(e.IDs))
	for i := range order {
		order[i], scores[i] = i, m.Score(e.Features[i])
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(e.Tiers[b], e.Tiers[a]), cmp.Compare(scores[b], scores[a]))
	})
	ids := make([]int64, len(order))
	for i, at := range order {
		ids[i] = e.IDs[at]
	}
	return ids
}

// Growth says how a model is grown.
type Growth struct {
	Trees  int
	Leaves int
	// Rate is the share of each tree's opinion that is taken.
	Rate float64
	// MinLeaf is the least number of candidates in a leaf.
	MinLeaf int
	// Lambda pulls leaf values to zero.
	Lambda float64
	// Columns is the share of the features, and Rows of the queries, each tree may see.
	Columns, Rows float64
	Seed          uint64
}

// DefaultGrowth was chosen by cross-validation.
var DefaultGrowth = Growth{Trees: 120, Leaves: 31, Rate: 0.06, MinLeaf: 100, Lambda: 5, Columns: 0.6, Rows: 0.8, Seed: 1}

// Train grows a model by LambdaMART: gradient-boosted trees whose gradient is, for
// each pair of candidates in the wrong order, how much NDCG@10 would gain by
// swapping them. The result depends on nothing but its arguments.
func Train(examples []Example, g Growth, progress func(tree int)) *rank.Model {
	t := newTrainer(examples, g)
	m := &rank.Model{Features: rank.Names}
	for n := range g.Trees {
		t.gradients()
		m.Trees = append(m.Trees, t.grow())
		if progress != nil {
			progress(n + 1)
		}
	}
	return m
}

// truncation: only pairs with one of these in the first places count.
const truncation = 15

// bins is into how many values a feature is rounded while growing.
const bins = 64

type trainer struct {
	Growth
	random *rand.Rand
	// cuts of feature f: a value in bin b is at most cuts[f][b].
	cuts [][]float32
	// binned is column by column.
	binned [][]uint8
	grades []int
	// starts of the queries in the rows, one more than there are queries.
	starts []int
	ideal  []float64
	scores []float64
	grad   []float64
	hess   []float64
}

func newTrainer(examples []Example, g Growth) *trainer {
	t := &trainer{Growth: g, random: rand.New(rand.NewPCG(g.Seed, 0)), starts: []int{0}}
	var rows [][]float32
	for _, e := range examples {
		rows = append(rows, e.Features...)
		for _, id := range e.IDs {
			t.grades = append(t.grades, e.Question.Grades[id])
		}
		t.starts = append(t.starts, len(rows))
		t.ideal = append(t.ideal, idealGain(e.Question))
	}
	t.bin(rows)
	t.scores, t.grad, t.hess = make([]float64, len(rows)), make([]float64, len(rows)), make([]float64, len(rows))
	return t
}

func idealGain(q Question) float64 {
	var gains []float64
	for _, grade := range q.Grades {
		gains = append(gains, gain(grade))
	}
	slices.SortFunc(gains, func(a, b float64) int { return cmp.Compare(b, a) })
	sum := 0.0
	for i, g := range gains[:min(depth, len(gains))] {
		sum += g * discount(i)
	}
	return sum
}

// bin rounds every feature to quantiles.
func (t *trainer) bin(rows [][]float32) {
	n := len(rank.Names)
	t.cuts, t.binned = make([][]float32, n), make([][]uint8, n)
	each(n, func(f int) {
		values := make([]float32, len(rows))
		for i, r := range rows {
			values[i] = r[f]
		}
		column := make([]uint8, len(rows))
		t.cuts[f] = quantiles(values)
		for i, v := range values {
			b, _ := slices.BinarySearch(t.cuts[f], v)
			column[i] = uint8(b)
		}
		t.binned[f] = column
	})
}

// quantiles are at most bins-1 cuts with about as many values between each two.
func quantiles(values []float32) []float32 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	distinct := slices.Compact(slices.Clone(sorted))
	var cuts []float32
	if len(distinct) <= bins {
		for i := range len(distinct) - 1 {
			cuts = append(cuts, (distinct[i]+distinct[i+1])/2)
		}
		return cuts
	}
	// Equal values share a bin, however many; the rest is spread over what is left.
	step := float64(len(sorted)) / bins
	for i, next := 0, step; i < len(sorted) && len(cuts) < bins-1; {
		j, _ := slices.BinarySearchFunc(sorted, sorted[min(int(next), len(sorted)-1)], func(e, t float32) int {
			if e <= t {
				return -1
			}
			return 1
		})
		if j >= len(sorted) {
			break
		}
		cuts = append(cuts, (sorted[j-1]+sorted[j])/2)
		i, next = j, math.Max(next, float64(j))+step
	}
	return cuts
}

// gradients says for every candidate in which direction, and how strongly, its
// score should move.
func (t *trainer) gradients() {
	clear(t.grad)
	clear(t.hess)
	each(len(t.ideal), func(q int) {
		if t.ideal[q] > 0 {
			t.pairs(t.starts[q], t.starts[q+1], t.ideal[q])
		}
	})
}

func (t *trainer) pairs(from, to int, ideal float64) {
	order := make([]int, to-from)
	for i := range order {
		order[i] = from + i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(t.scores[b], t.scores[a]) })
	sum := 0.0
	for i := range min(truncation, len(order)) {
		for j := i + 1; j < len(order); j++ {
			better, worse := order[i], order[j]
			if t.grades[better] == t.grades[worse] {
				continue
			}
			if t.grades[better] < t.grades[worse] {
				better, worse = worse, better
			}
			loss := (gain(t.grades[better]) - gain(t.grades[worse])) * (discount(i) - discount(j)) / ideal
			p := 1 / (1 + math.Exp(t.scores[better]-t.scores[worse]))
			t.grad[better] += p * loss
			t.grad[worse] -= p * loss
			t.hess[better] += p * (1 - p) * loss
			t.hess[worse] += p * (1 - p) * loss
			sum += 2 * p * loss
		}
	}
	if sum > 0 { // queries with many pairs must not drown those with few
		norm := math.Log2(1+sum) / sum
		for i := from; i < to; i++ {
			t.grad[i] *= norm
			t.hess[i] *= norm
		}
	}
}

// each runs f for 0 to n-1 on all cores; f must not depend on the order.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	const workers = 4
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}
