package generate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"movies/internal/movie"
)

// The files of IMDb's format and their columns.
var imdbFiles = [...]struct{ name, columns string }{
	{"title.basics", "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres"},
	{"title.akas", "titleId ordering title region language types attributes isOriginalTitle"},
	{"title.ratings", "tconst averageRating numVotes"},
	{"title.crew", "tconst directors writers"},
	{"title.principals", "tconst ordering nconst category job characters"},
	{"name.basics", "nconst primaryName birthYear deathYear primaryProfession knownForTitles"},
}

// titleFiles is how many of them are about titles.
const titleFiles = 5

// rows are the lines of one batch for each file.
type rows [len(imdbFiles)][]byte

// WriteIMDb writes the movies with indexes from 0 to n-1, as far as IMDb's format
// goes, as its six files in dir, and tells progress how many it has written. One
// in twenty is a tvMovie, the others are of type movie. Files there are replaced.
func (g *Generator) WriteIMDb(ctx context.Context, dir string, n int64, progress func(written int64)) (err error) {
	var files [len(imdbFiles)]io.Writer
	for i, f := range imdbFiles {
		file, finish, err2 := createGzip(filepath.Join(dir, f.name+".tsv.gz"))
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, finish()) }()
		if _, err := fmt.Fprintln(file, strings.ReplaceAll(f.columns, " ", "\t")); err != nil {
			return err
		}
		files[i] = file
	}
	write := func(_ int64, batch *rows) error {
		for i := range batch {
			if _, err := files[i].Write(batch[i]); err != nil {
				return err
			}
			batch[i] = batch[i][:0]
		}
		return nil
	}
	err = stream(ctx, n, func(first, end int64, batch *rows) {
		for i := first; i < end; i++ {
			m := g.Movie(i)
			batch.title(i, &m)
		}
	}, func(end int64, batch *rows) error {
		progress(end)
		return write(end, batch)
	})
	if err != nil {
		return err
	}
	return stream(ctx, people(n-1), func(first, end int64, batch *rows) {
		for i := first; i < end; i++ {
			batch.person(i, g.Person(i))
		}
	}, write)
}

// createGzip creates a compressed file; finish closes it.
func createGzip(path string) (out io.Writer, finish func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	b := bufio.NewWriterSize(z, 1<<16)
	return b, func() error { return errors.Join(b.Flush(), z.Close(), f.Close()) }, nil
}

// person writes a line of name.basics.
func (r *rows) person(number int64, name string) {
	line(&r[titleFiles], IMDbPersonID(FirstID+number), name, unknown, unknown, unknown, unknown)
}

// title writes the lines about a movie.
func (r *rows) title(i int64, m *movie.Movie) {
	kind, adult := "movie", "0"
	if i%20 == 19 {
		kind = "tvMovie"
	}
	if m.Adult {
		adult = "1"
	}
	original := m.Title
	if m.OriginalTitle != "" {
		original = m.OriginalTitle
	}
	line(&r[0], m.IMDbID, kind, m.Title, original, adult, number(m.Year), unknown, number(m.Runtime), orUnknown(strings.Join(m.Genres, ",")))
	line(&r[1], m.IMDbID, "1", original, unknown, unknown, "original", unknown, "1")
	for n, aka := range m.Akas {
		line(&r[1], m.IMDbID, strconv.Itoa(n+2), aka, "XWW", unknown, "imdbDisplay", unknown, "0")
	}
	if m.Votes > 0 {
		line(&r[2], m.IMDbID, strconv.FormatFloat(m.Rating, 'f', 1, 64), strconv.FormatInt(m.Votes, 10))
	}
	r.credits(m)
}

// credits writes title.crew and title.principals, which has the cast and, as
// IMDb's does, the directors once more.
func (r *rows) credits(m *movie.Movie) {
	var directors []string
	cast := 0
	for n, p := range m.People {
		id, category, job, characters := IMDbPersonID(p.ID), "director", unknown, unknown
		if p.Role == movie.RoleDirector {
			directors = append(directors, id)
		} else {
			category = []string{"actor", "actress"}[p.ID%2]
			if cast < len(m.Characters) {
				characters = jsonList(m.Characters[cast])
			}
			cast++
		}
		line(&r[4], m.IMDbID, strconv.Itoa(n+1), id, category, job, characters)
	}
	line(&r[3], m.IMDbID, orUnknown(strings.Join(directors, ",")), unknown)
}

const unknown = `\N`

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}

func number(n int) string {
	if n == 0 {
		return unknown
	}
	return strconv.Itoa(n)
}

func jsonList(s string) string {
	text, err := json.Marshal([]string{s})
	if err != nil {
		panic(err) // a string: cannot fail
	}
	return string(text)
}

func line(b *[]byte, columns ...string) {
	for i, c := range columns {
		if i > 0 {
			*b = append(*b, '\t')
		}
		*b = append(*b, c...)
	}
	*b = append(*b, '\n')
}

// IMDbPersonID is the identifier at IMDb of the person with an id.
func IMDbPersonID(id int64) string {
	return fmt.Sprintf("nm%09d", 800_000_000+(id-FirstID))
}
