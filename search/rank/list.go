package rank

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"movies/search/query"
)

// list is a query with its candidates, and what is worked out once for all.
type list struct {
	q query.Query
	// whole are the glued forms of the whole text, core that of the text without
	// noise and years, all without leading article; glued that without noise.
	whole       []string
	core, glued string
	// punctuated says that the text is more than letters, digits and space.
	punctuated bool
	// words of all terms, and at which of them each term begins.
	words []string
	at    []int
	// pairs are, for each word, it glued to the one before and the one behind.
	pairs [][]string
	// weights of the required terms by rarity, and their sum; weightOf those of
	// all words of the text.
	weights  []float64
	weight   float64
	weightOf map[string]float64
	// number is the sequel asked for, or 0; years the term that names them.
	number int
	years  *query.Term

	docs []doc
	// anchors are the candidates most probably meant; the first is meant most.
	anchors []*doc
	traits  *traits
	shared  aggregates
}

// doc is a candidate and what is worked out for it.
type doc struct {
	Candidate
	place      int
	words      []string
	main, best cover
	// anywhere is the share of the text's weight found in any field.
	anywhere float64
	// likely is how probably it is meant, by a plain rule.
	likely float64
	// roles are the names of its characters; series says that it belongs to that
	// of the movie meant.
	roles  []string
	series bool
	// names are those of its characters and in its overview.
	names []string
}

// aggregates describe the whole list.
type aggregates struct {
	score, cover, product float64
	complete              int
}

func newList(q query.Query, candidates []Candidate) *list {
	l := &list{q: q, docs: make([]doc, len(candidates))}
	l.readTerms()
	l.weigh(candidates)
	for i, c := range candidates {
		l.docs[i] = l.newDoc(i, c)
	}
	l.summarise()
	l.chooseAnchors()
	return l
}

func (l *list) readTerms() {
	var core, glued []string
	for i, t := range l.q.Terms {
		l.at = append(l.at, len(l.words))
		l.words = append(l.words, t.Words...)
		if t.Kind == query.Year && l.years == nil {
			l.years = &l.q.Terms[i]
		}
		if t.Kind != query.Noise {
			glued = append(glued, t.Words...)
			if t.Kind != query.Year {
				core = append(core, t.Words...)
			}
		}
		if n := t.Sequel(); n > 0 {
			l.number = n
		}
	}
	for k, w := range l.words {
		var pairs []string
		if k > 0 {
			pairs = append(pairs, l.words[k-1]+w)
		}
		if k+1 < len(l.words) {
			pairs = append(pairs, w+l.words[k+1])
		}
		l.pairs = append(l.pairs, pairs)
	}
	l.punctuated = strings.ContainsFunc(l.q.Text, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) })
	l.glued = strings.Join(glued, "")
	l.core = withoutArticle(strings.Join(core, ""), core)
	l.whole = []string{withoutArticle(strings.Join(l.words, ""), l.words), query.Glue(l.q.Text)}
}

// weigh takes the rarity of a term from the score it gave; a term that nothing
// has is as rare as the rarest.
func (l *list) weigh(candidates []Candidate) {
	l.weights = make([]float64, len(l.q.Terms))
	rarest := 1.0
	for i, t := range l.q.Terms {
		if !t.Required() {
			continue
		}
		for _, c := range candidates {
			l.weights[i] = max(l.weights[i], c.Parts[TermPart(i)])
		}
		rarest = max(rarest, l.weights[i])
	}
	for i, t := range l.q.Terms {
		if t.Required() && l.weights[i] == 0 {
			l.weights[i] = rarest
		}
		l.weight += l.weights[i]
	}
	l.weight = max(l.weight, 1e-9)
	l.weightOf = make(map[string]float64, len(l.words))
	for i, t := range l.q.Terms {
		for _, w := range t.Words {
			l.weightOf[w] = l.weights[i] / float64(len(t.Words))
		}
	}
}

// TermPart is the name of the part of a score that the i-th term gives.
func TermPart(i int) string {
	if i < len(termParts) {
		return termParts[i]
	}
	return fmt.Sprintf("w%02d", i)
}

var termParts = func() (names [query.MaxTerms]string) {
	for i := range names {
		names[i] = fmt.Sprintf("w%02d", i)
	}
	return names
}()

func (l *list) newDoc(place int, c Candidate) doc {
	d := doc{Candidate: c, place: place, words: query.Words(c.Movie.Title), roles: roles(c.Movie)}
	d.names = properNames(c.Movie.Overview, d.roles)
	d.main, d.best = l.covers(c.Movie, d.words)
	for i := range l.q.Terms {
		if l.has(&d, i) {
			d.anywhere += l.weights[i]
		}
	}
	d.anywhere /= max(l.weight, 1e-9)
	return d
}

// has tells whether a required term is found in the movie as it is.
func (l *list) has(d *doc, i int) bool {
	t := l.q.Terms[i]
	return t.Required() && (d.Parts[TermPart(i)] > 0 || t.Kind == query.Year && t.Contains(d.Movie.Year))
}

func (l *list) missing(d *doc) []string {
	var out []string
	for i, t := range l.q.Terms {
		if t.Required() && !l.has(d, i) {
			out = append(out, t.Text())
		}
	}
	return out
}

func (d *doc) otherTitle() string {
	if d.best.title == d.Movie.Title || d.main.whole || d.best.fits() == d.main.fits() {
		return ""
	}
	return d.best.title
}

func (l *list) yearFits(d *doc) bool {
	return l.years == nil || l.years.Contains(d.Movie.Year)
}

func (l *list) summarise() {
	for _, d := range l.docs {
		l.shared.score = max(l.shared.score, d.Score)
		l.shared.cover = max(l.shared.cover, d.best.textSoft)
		l.shared.product = max(l.shared.product, d.best.textSoft*d.best.wordsSoft)
		if d.anywhere > 0.999 {
			l.shared.complete++
		}
	}
}

// maxAnchors is how many candidates the others are compared with, at most 8.
const maxAnchors = 6

// chooseAnchors picks the candidates that fit best by a plain rule, for the
// model to judge the others by their likeness to these.
func (l *list) chooseAnchors() {
	byLikelihood := make([]*doc, len(l.docs))
	for i := range l.docs {
		d := &l.docs[i]
		c := d.best
		d.likely = 2*c.textSoft*c.wordsSoft + c.textSoft + d.anywhere + d.Score/max(l.shared.score, 1e-9) + 0.05*math.Log1p(float64(d.Movie.Votes)) + l.tier(d)*1.5
		byLikelihood[i] = d
	}
	slices.SortStableFunc(byLikelihood, func(a, b *doc) int { return cmp.Compare(b.likely, a.likely) })
	l.anchors = byLikelihood[:min(maxAnchors, len(byLikelihood))]
	l.traits = newTraits(l.anchors)
	for i := range l.docs {
		l.docs[i].series = shareOf(l.anchors[0].words, l.docs[i].words) >= 0.5
	}
}
