// Package generate makes up a catalogue of any size that looks like the real
// thing: words with Zipf frequencies in several scripts, remakes and sequels,
// figures with the shapes of a real sample (shapes.go), people with long-tailed
// credits.
//
// Its promise: the movie with index i depends on the seed and i alone, not on how
// many are made, in which order or by how many goroutines; every movie is valid;
// nothing is kept in memory from one movie to the next. What a seed means changes
// only with FormatVersion.
package generate

import (
	"strconv"
	"strings"

	"movies/internal/movie"
)

// FormatVersion is part of every random draw: it grows with any change of what is
// generated, so that nobody takes two catalogues for one.
const FormatVersion = 1

// FirstID is above the ids of movies and people that are not generated: the movie
// with index i has the id FirstID + i.
const FirstID = 10_000_001

// Generator makes movies. It is safe for concurrent use.
type Generator struct {
	seed      uint64
	english   *lexicon
	languages []*lexicon
	speakers  [residues]*lexicon // the culture of a person, by its number
}

// New prepares the vocabularies of a seed, which takes some tens of milliseconds.
func New(seed uint64) *Generator {
	start := newRandom(seed, FormatVersion, 0)
	g := &Generator{seed: start.next()}
	for i := range languages {
		r := newRandom(g.seed, forWords, int64(i))
		size := otherWords
		if i == 0 {
			size = englishWords
		}
		g.languages = append(g.languages, newLexicon(&languages[i], &r, size))
	}
	g.english = g.languages[0]
	g.assignResidues()
	return g
}

// What random draws are for: two uses of one number never share a stream.
const (
	forMovie = iota + 1
	forTitle
	forPerson
	forWords
)

// Movie makes the movie with an index from 0 up to 900 million.
func (g *Generator) Movie(i int64) movie.Movie {
	r := newRandom(g.seed, forMovie, i)
	var text strings.Builder
	text.Grow(arena)
	lang := g.languages[draw(&r, languageWeights)]
	figures := drawFigures(&r)
	m := movie.Movie{
		ID: FirstID + i, IMDbID: IMDbID(i),
		Year: figures.year, Runtime: figures.runtime, Rating: figures.rating, Votes: figures.votes, Popularity: figures.popularity,
		Languages: []string{lang.Name}, Countries: []string{lang.Countries[lang.countryRanks.draw(&r)]},
		Genres: drawGenres(&r), Adult: r.chance(1, 200),
	}
	if r.chance(4, 5) {
		m.ReleaseDate = releaseDate(&r, &text, m.Year)
	}
	g.titles(&r, &text, &m, i, lang)
	g.keywords(&r, &text, &m)
	if !r.chance(6, 1000) {
		m.Overview = g.overview(&r, &text)
	}
	g.credits(&r, &text, &m, i, lang)
	return m
}

// arena is the usual amount of text of a movie: its strings share one allocation.
const arena = 1 << 10

// IMDbID is the imdb_id of the movie with index i: beyond those in use.
func IMDbID(i int64) string { return "tt" + strconv.FormatInt(9_000_000_000+i, 10) }

// since cuts out what was written to text behind start.
func since(text *strings.Builder, start int) string { return text.String()[start:] }

func releaseDate(r *random, text *strings.Builder, year int) string {
	start := text.Len()
	month, day := 1+r.below(12), 1+r.below(28)
	text.WriteString(strconv.Itoa(year))
	text.Write([]byte{'-', byte('0' + month/10), byte('0' + month%10), '-', byte('0' + day/10), byte('0' + day%10)})
	return since(text, start)
}
