package api

import (
	"strings"
	"unicode"

	"movies/internal/movie"
)

// poster is a drawn stand-in where a movie has no picture, or until it is there:
// a motif of its genre in colours of its own, and its title.
type poster struct {
	Ground, Figure, Ink string
	Motif               string
	Lines               []posterLine
	Size                int
}

type posterLine struct {
	Text string
	Y    int
}

// palettes are ground, figure and ink.
var palettes = [][3]string{
	{"#1d3557", "#e63946", "#f1faee"}, {"#2b2d42", "#ef8354", "#ffffff"}, {"#003049", "#f77f00", "#fdf0d5"},
	{"#264653", "#e9c46a", "#fefae0"}, {"#3d2645", "#d4a017", "#fff1d0"}, {"#0b3c49", "#e16036", "#f5efe6"},
	{"#4a1942", "#d97aa6", "#ffffff"}, {"#14342b", "#60935d", "#eef6e5"}, {"#7a1f2b", "#f2c078", "#fff7e6"},
	{"#22223b", "#9a8c98", "#f2e9e4"}, {"#1b4332", "#74c69d", "#f1faee"}, {"#5f0f40", "#fb8b24", "#ffe8c7"},
}

// motifs by genre, the most telling genre first; the page defines the symbols.
var motifs = []struct{ genre, motif string }{
	{"western", "mesa"}, {"science fiction", "planet"}, {"horror", "moon"}, {"war", "chevrons"}, {"musical", "disc"}, {"music", "disc"},
	{"animation", "balloons"}, {"romance", "rings"}, {"fantasy", "peaks"}, {"mystery", "keyhole"}, {"crime", "blinds"}, {"film noir", "blinds"},
	{"thriller", "blinds"}, {"documentary", "lens"}, {"adventure", "peaks"}, {"history", "columns"}, {"biography", "columns"}, {"family", "sun"},
	{"action", "bolts"}, {"comedy", "balloons"}, {"drama", "horizon"},
}

func drawPoster(m movie.Movie) poster {
	colours := palettes[int(uint64(m.ID)*0x9e3779b97f4a7c15>>33)%len(palettes)]
	p := poster{Ground: colours[0], Figure: colours[1], Ink: colours[2], Motif: motifOf(m.Genres)}
	lines := wrap(m.Title, 11, 3)
	widest := 1
	for _, l := range lines {
		widest = max(widest, width(l))
	}
	p.Size = max(13, min(34, 260/widest))
	for i, l := range lines {
		p.Lines = append(p.Lines, posterLine{l, 282 - (len(lines)-1-i)*(p.Size+3)})
	}
	return p
}

func motifOf(genres []string) string {
	for _, m := range motifs {
		for _, g := range genres {
			if strings.EqualFold(g, m.genre) {
				return m.motif
			}
		}
	}
	return "horizon"
}

// wrap breaks a title into lines of about so many columns; what does not fit
// into the lines is cut.
func wrap(title string, columns, most int) []string {
	var lines []string
	for _, word := range strings.Fields(title) {
		for width(word) > 2*columns { // scripts without spaces
			cut := 0
			for i, r := range word {
				if width(word[:i])+width(string(r)) > columns {
					cut = i
					break
				}
			}
			lines = append(lines, word[:cut])
			word = word[cut:]
		}
		if n := len(lines); n > 0 && width(lines[n-1])+1+width(word) <= columns {
			lines[n-1] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] += " …"
	}
	return lines
}

// width counts columns: ideographs and their like take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			n++
		}
	}
	return n
}
