package rank

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"movies/internal/movie"
	"movies/search/query"
)

// Names of the features, in the order of a vector.
var Names = namesOfFeatures()

func namesOfFeatures() []string {
	l := newList(query.Parse("a"), []Candidate{{Movie: &movie.Movie{Title: "a"}}})
	v := vector{names: []string{}}
	l.fill(&v, &l.docs[0])
	return v.names
}

// vector collects feature values, and their names when names is not nil.
type vector struct {
	values []float32
	names  []string
}

func (v *vector) add(name string, x float64) {
	v.values = append(v.values, float32(x))
	if v.names != nil {
		v.names = append(v.names, name)
	}
}

func (v *vector) flag(name string, x bool) {
	if x {
		v.add(name, 1)
	} else {
		v.add(name, 0)
	}
}

func (l *list) features(d *doc) []float32 {
	v := vector{values: make([]float32, 0, 128)}
	l.fill(&v, d)
	return v.values
}

func (l *list) fill(v *vector, d *doc) {
	l.engine(v, d)
	l.named(v, d)
	l.title(v, d)
	l.numbers(v, d)
	l.merits(v, d)
	l.question(v)
	l.likeness(v, d)
}

// engine: what the engine thinks, and where it found the words. Scores are shares,
// of the best one or of what the text's words weigh: the engine's own grow with
// the catalogue, and a model learned on a small one must hold in a large one.
func (l *list) engine(v *vector, d *doc) {
	v.add("score share", d.Score/max(l.shared.score, 1e-9))
	v.add("place", math.Log1p(float64(d.place)))
	all, lacking := 0.0, 0
	for i, t := range l.q.Terms {
		all += d.Parts[TermPart(i)]
		if t.Required() && !l.has(d, i) {
			lacking++
		}
	}
	for _, name := range Parts {
		v.add(name, d.Parts[name]/l.weight)
	}
	v.add("anywhere", d.anywhere)
	v.add("lacking", float64(lacking))
	v.add("all", all/l.weight)
	v.add("phrase", d.Parts["phrase"]/l.weight)
}

// named: how much of the text is all of a name, a keyword or a genre.
func (l *list) named(v *vector, d *doc) {
	person, character, keyword := 0.0, 0.0, 0.0
	if d.Parts["names"] > 0 {
		person = max(l.taken(d.values(traitCast)), l.taken(d.values(traitDirectors)))
	}
	if d.Parts["characters"] > 0 {
		character = l.taken(d.roles)
	}
	if d.Parts["keywords"] > 0 {
		keyword = l.taken(d.values(traitKeywords))
	}
	v.add("person", person)
	v.add("character", character)
	v.add("keyword", keyword)
	v.add("genre", l.genres(d))
}

// taken is the largest share of the text's weight that the words of one value
// take, all of which are in the text.
func (l *list) taken(values []string) float64 {
	best := 0.0
	for _, value := range values {
		words, sum := query.Words(value), 0.0
		for _, w := range words {
			weight, ok := l.weightOf[w]
			if !ok {
				sum = 0
				break
			}
			sum += weight
		}
		best = max(best, sum/l.weight)
	}
	return best
}

// genres is the share of the text's genres that the movie has; -1 without any.
func (l *list) genres(d *doc) float64 {
	asked, has := 0, 0
	for _, t := range l.q.Terms {
		if t.Kind != query.Genre {
			continue
		}
		asked++
		if slices.ContainsFunc(d.Movie.Genres, func(g string) bool { return strings.EqualFold(g, strings.Join(t.Genres, " ")) }) {
			has++
		}
	}
	if asked == 0 {
		return -1
	}
	return float64(has) / float64(asked)
}

// title: how the titles and the text cover each other.
func (l *list) title(v *vector, d *doc) {
	c := d.best
	v.flag("whole", c.whole)
	v.flag("core", c.core)
	v.flag("other title", c.title != d.Movie.Title)
	v.add("text", c.text)
	v.add("text soft", c.textSoft)
	v.add("words", c.words)
	v.add("words soft", c.wordsSoft)
	v.add("both", c.text*c.words)
	v.add("both soft", c.textSoft*c.wordsSoft)
	v.add("run", c.run)
	v.flag("begins", c.begins)
	v.flag("begun", c.begun)
	v.add("length", c.length)
	v.add("noise", c.noise)
	v.add("main text", d.main.text)
	v.add("main words", d.main.words)
	v.add("title length", float64(len(d.words)))
	v.add("elsewhere", max(d.anywhere-c.textSoft, 0))
	better := 0
	for i := range l.docs {
		if l.docs[i].best.textSoft > c.textSoft {
			better++
		}
	}
	v.add("better titles", float64(better))
	best, distant := 0.0, 0.0
	for i, t := range l.q.Terms {
		if t.Required() && !c.found[i] {
			distant += l.weights[i]
			if l.has(d, i) {
				best += l.weights[i]
			}
		}
	}
	v.add("rest found", best/l.weight)
	v.add("rest lacking", (distant-best)/l.weight)
}

// numbers: sequels and years.
func (l *list) numbers(v *vector, d *doc) {
	asked, extra := false, false
	for _, w := range d.words {
		if n, err := strconv.Atoi(w); err == nil && n < 100 {
			if n == l.number {
				asked = true
			} else {
				extra = true
			}
		}
	}
	v.flag("number", asked && l.number > 0)
	v.flag("number lacking", l.number > 0 && !asked)
	v.flag("number extra", extra)
	distance := -1.0
	if l.years != nil {
		distance = yearsApart(*l.years, d.Movie.Year)
	}
	v.add("years apart", distance)
	after, size := l.placeInSeries(d)
	v.add("series", float64(size))
	v.add("series place", float64(after))
	gap := -1.0
	if l.number > 0 && size > 1 && after > 0 {
		gap = math.Abs(float64(after - l.number))
	}
	v.add("sequel gap", gap)
}

func yearsApart(t query.Term, year int) float64 {
	switch {
	case t.Contains(year):
		return 0
	case year == 0:
		return 30
	case year < t.From:
		return float64(min(t.From-year, 50))
	}
	return float64(min(year-t.To, 50))
}

// placeInSeries is which movie of the series of the one meant this is, by year,
// counting from 1, and of how many; 0 if it is not of the series.
func (l *list) placeInSeries(d *doc) (place, size int) {
	if !d.series {
		return 0, 0
	}
	for i := range l.docs {
		o := &l.docs[i]
		if !o.series || o.Movie.Year == 0 {
			continue
		}
		size++
		if o.Movie.Year < d.Movie.Year {
			place++
		}
	}
	return place + 1, size
}

// merits: what the catalogue thinks of the movie, also beside the other candidates.
func (l *list) merits(v *vector, d *doc) {
	v.add("votes", math.Log1p(float64(d.Movie.Votes)))
	v.add("popularity", math.Log1p(d.Movie.Popularity))
	v.add("rating", d.Movie.Rating)
	v.add("year", float64(d.Movie.Year))
	votes, popularity, newer := 0, 0, 0
	for i := range l.docs {
		o := l.docs[i].Movie
		if o.Votes > d.Movie.Votes {
			votes++
		}
		if o.Popularity > d.Movie.Popularity {
			popularity++
		}
		if o.Year > d.Movie.Year {
			newer++
		}
	}
	n := float64(len(l.docs))
	v.add("votes place", float64(votes)/n)
	v.add("popularity place", float64(popularity)/n)
	v.add("age place", float64(newer)/n)
}

// question: what kind of question it is; the same for all candidates.
func (l *list) question(v *vector) {
	required := 0
	for _, t := range l.q.Terms {
		if t.Required() {
			required++
		}
	}
	v.add("q words", float64(len(l.words)))
	v.add("q required", float64(required))
	v.flag("q year", l.years != nil)
	v.add("q cover", l.shared.cover)
	v.add("q both", l.shared.product)
	v.add("q complete", math.Log1p(float64(l.shared.complete)))
	v.add("q score", l.shared.score/l.weight)
	gap := 0.0
	if len(l.docs) > 1 {
		gap = (l.docs[0].Score - l.docs[1].Score) / max(l.shared.score, 1e-9)
	}
	v.add("q gap", gap)
}

// likeness: how like the movie is to those that are probably meant.
func (l *list) likeness(v *vector, d *doc) {
	a := l.anchors[0]
	v.flag("anchor", a == d)
	v.add("anchor both", a.best.textSoft*a.best.wordsSoft)
	first, others := l.traits.compare(d, l.anchors)
	for i, name := range traitLabels {
		v.add("anchor "+name, first[i])
	}
	v.add("anchor title", shareOf(a.words, d.words))
	v.add("anchor head", sameHead(a.words, d.words))
	apart := 0.0
	if a.Movie.Year != 0 && d.Movie.Year != 0 {
		apart = math.Abs(float64(a.Movie.Year - d.Movie.Year))
	}
	v.add("anchor years", apart)
	for i, name := range traitLabels {
		v.add("anchors "+name, others[i])
	}
	title, head := 0.0, 0.0
	for _, o := range l.anchors {
		if o != d {
			title += shareOf(o.words, d.words)
			head += sameHead(o.words, d.words)
		}
	}
	v.add("anchors title", title)
	v.add("anchors head", head)
}
