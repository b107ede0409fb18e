package generate

import (
	"math"
	"strings"

	"movies/internal/movie"
)

// The number of different people grows with the catalogue like a power of its
// size, and those who came first have the most credits: that is how the sample
// grows, and what makes the tail long.
const (
	peopleAtOne  = 56.0
	peopleGrowth = .70
)

// people is how many people the first i movies are made of.
func people(i int64) int64 {
	return 2*residues + int64(peopleAtOne*math.Pow(float64(i+1), peopleGrowth))
}

// A person's number modulo residues tells the culture they are from.
const residues = 64

// assignResidues shares the residues out among the languages, by weight.
func (g *Generator) assignResidues() {
	total, at := 0, 0
	for _, w := range languageWeights {
		total += w
	}
	for i, sum := 0, 0; i < len(g.languages); i++ {
		g.languages[i].firstResidue = int64(at)
		sum += languageWeights[i]
		for end := max(at+1, min(sum*residues/total, residues-(len(g.languages)-1-i))); at < end; at++ {
			g.speakers[at] = g.languages[i]
			g.languages[i].residues++
		}
	}
}

// credits sets directors, cast and characters.
func (g *Generator) credits(r *random, text *strings.Builder, m *movie.Movie, i int64, lang *lexicon) {
	known := people(i)
	directors, cast := draw(r, directorCount), draw(r, castCounts)
	m.People = make([]movie.Credit, 0, directors+cast)
	both := make([]string, 0, directors+cast)
	both = g.credit(r, text, m, both, movie.RoleDirector, directors, known, lang)
	directors = len(both)
	both = g.credit(r, text, m, both, movie.RoleCast, cast, known, lang)
	m.Directors, m.Cast = orNone(both[:directors:directors]), orNone(both[directors:])
	if len(m.Cast) == 0 {
		return
	}
	m.Characters = make([]string, 0, len(m.Cast))
	for range m.Cast {
		if r.chance(1, 100) {
			break
		}
		m.Characters = append(m.Characters, character(r, text, lang))
	}
	m.Characters = orNone(m.Characters)
}

// credit adds up to n people in one role, none of them twice.
func (g *Generator) credit(r *random, text *strings.Builder, m *movie.Movie, names []string, role movie.Role, n int, known int64, lang *lexicon) []string {
	first := len(m.People)
	for range n {
		id := FirstID + drawPerson(r, role, known, lang)
		if has(m.People[first:], id) {
			continue
		}
		name := g.personName(text, id-FirstID)
		m.People = append(m.People, movie.Credit{ID: id, Name: name, Role: role})
		names = append(names, name)
	}
	return names
}

func has(people []movie.Credit, id int64) bool {
	for i := range people {
		if people[i].ID == id {
			return true
		}
	}
	return false
}

// drawPerson is the number of somebody, usually of the movie's language; people
// who direct are others than those who play, with exceptions.
func drawPerson(r *random, role movie.Role, known int64, lang *lexicon) int64 {
	u := r.float()
	block := int64(u * u * float64(known/residues))
	if wants := role == movie.RoleDirector; (block%8 == 0) != wants && !r.chance(1, 20) {
		if block &^= 7; !wants {
			block += 1 + int64(r.below(7))
		}
	}
	block = min(block, known/residues-1)
	if r.chance(85, 100) {
		return block*residues + lang.firstResidue + int64(r.below(lang.residues))
	}
	return block*residues + int64(r.below(residues))
}

// Person is the name of the person with a number, whose id is FirstID + number.
func (g *Generator) Person(number int64) string {
	var text strings.Builder
	return g.personName(&text, number)
}

// personName writes the name of the person with a number. Two people may have
// the same.
func (g *Generator) personName(text *strings.Builder, number int64) string {
	r := newRandom(g.seed, forPerson, number)
	x, start := g.speakers[number%residues], text.Len()
	text.WriteString(x.given[x.givenRanks.draw(&r)])
	text.WriteByte(' ')
	if r.chance(1, 12) {
		text.WriteString(x.given[r.below(len(x.given))])
		text.WriteByte(' ')
	}
	text.WriteString(x.families[x.familyRanks.draw(&r)])
	return since(text, start)
}

func character(r *random, text *strings.Builder, lang *lexicon) string {
	given := lang.given[r.below(len(lang.given))]
	if r.chance(1, 2) {
		return given
	}
	start := text.Len()
	text.WriteString(given)
	text.WriteByte(' ')
	text.WriteString(lang.families[lang.familyRanks.draw(r)])
	return since(text, start)
}

// orNone makes an empty list nil, as a movie that is read back has it.
func orNone(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
