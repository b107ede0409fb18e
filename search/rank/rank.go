// Package rank puts the engine's best candidates for a text into their final
// order. A movie that has exactly the typed title comes first, always; within
// that, a learned model decides (see Model), from how title and text cover each
// other, where else the words are found, what other candidates are like, and what
// the catalogue thinks of the movie.
//
// Its promises: the order depends on the query and the candidates alone; equal
// scores are ordered by id; and the cost is bounded by the number of candidates,
// for titles, casts and keywords count up to fixed lengths.
package rank

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"movies/internal/movie"
	"movies/search/query"
)

// Candidate is a movie the engine found, with its score and the named parts of
// the score: "w00", "w01", … for the terms of the query, wherever they were
// found, and the names in Parts.
type Candidate struct {
	Movie *movie.Movie
	Score float64
	Parts map[string]float64
}

// Parts of a candidate's score that features are made of: how well the words
// match a field.
var Parts = []string{"title", "titles", "names", "characters", "keywords", "overview"}

// Place is a candidate's place in the final order.
type Place struct {
	// Candidate is its index among the candidates.
	Candidate int
	// Score is 0 to 1 for the model's opinion, and 1 to 5 more for a title that is
	// the text, see tier; 0 behind Depth.
	Score float64
	// OtherTitle is the other or original title that fits the text better than
	// the title does, or empty.
	OtherTitle string
	// Missing are the required words found nowhere in the movie as they are.
	Missing []string
}

// Depth is how many candidates are ranked; those behind keep the engine's order.
const Depth = 50

// Order is the final order of candidates, which must be in the engine's.
func Order(q query.Query, candidates []Candidate) []Place {
	return order(q, candidates, model)
}

// squash maps the model's opinion to between 0 and 1.
func squash(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func order(q query.Query, candidates []Candidate, m *Model) []Place {
	l := newList(q, candidates[:min(Depth, len(candidates))])
	places := make([]Place, len(l.docs), len(candidates))
	for i := range l.docs {
		d := &l.docs[i]
		places[i] = Place{Candidate: i, Score: l.tier(d) + squash(l.opinion(m, d)), OtherTitle: d.otherTitle(), Missing: l.missing(d)}
	}
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(candidates[a.Candidate].Movie.ID, candidates[b.Candidate].Movie.ID))
	})
	for i := len(places); i < len(candidates); i++ {
		places = append(places, Place{Candidate: i})
	}
	return places
}

// opinion is the model's, or without one that of the plain rule, by which a movie
// that has all that was typed somewhere comes before one that has not.
func (l *list) opinion(m *Model, d *doc) float64 {
	if len(m.Trees) > 0 {
		return m.Score(l.features(d))
	}
	const middle = 4
	opinion := d.likely - middle
	if d.anywhere > 0.999 {
		opinion += 2
	}
	return opinion
}

// tier is 5 for a title that is the text with its punctuation, where it has any
// ("mother!"), 4 for one of the same words, 3 for one that differs by an article or
// by spaces alone, 2 for one that is the text without noise and with the year
// fitting, 1 for one of the same words in another order, 0 otherwise.
func (l *list) tier(d *doc) float64 {
	const all = 0.999
	switch c := d.best; {
	case c.whole && l.punctuated && strings.EqualFold(c.title, l.q.Text):
		return 5
	case c.equal:
		return 4
	case c.whole:
		return 3
	case c.core && l.yearFits(d):
		return 2
	case c.text > all && c.words > all:
		return 1
	}
	return 0
}

// Tiers are what comes before a model's opinion: see Place.Score.
func Tiers(q query.Query, candidates []Candidate) []float64 {
	l := newList(q, candidates)
	out := make([]float64, len(candidates))
	for i := range l.docs {
		out[i] = l.tier(&l.docs[i])
	}
	return out
}

// Features are the vectors that models are trained on and asked with.
func Features(q query.Query, candidates []Candidate) [][]float32 {
	l := newList(q, candidates)
	out := make([][]float32, len(candidates))
	for i := range l.docs {
		out[i] = l.features(&l.docs[i])
	}
	return out
}
