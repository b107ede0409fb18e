// Package imdb reads the files that IMDb publishes for non-commercial use, as
// they come: title.basics, title.akas, title.ratings, title.crew,
// title.principals and name.basics, tab-separated, compressed, \N for what is
// unknown. It turns them into movies, one at a time; what becomes of these is its
// caller's business.
//
// Its promise: memory does not grow with the files. The files about titles are
// read side by side, which their order allows (that of the first column as text;
// a file in another order is refused, with the line that shows it). The names of
// people wait in a temporary file. A line that cannot be used is told with its
// file, number and reason, and costs what stands on it, no more.
package imdb

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"movies/internal/movie"
)

// Title is a movie, or what stands in its place.
type Title struct {
	// Movie is nil where the line of the title cannot be used. It has the fields
	// IMDb knows; its people have an IMDbID and no ID.
	Movie *movie.Movie
	// Line is the number of the title's line in title.basics, Text is the line.
	Line int64
	Text string
	// Problems are lines that could not be used since the last title.
	Problems []Problem
	// Lines and Offset say where in title.basics the next title begins.
	Lines, Offset int64
}

// Problem is a line that cannot be used.
type Problem struct {
	File string
	Line int64
	// Err says what is wrong, of kind movie.ErrInvalid.
	Err  error
	Text string
}

// Reader reads the files of one directory. Only Consumed and Close may be called
// from other goroutines.
type Reader struct {
	mu      sync.Mutex // held by Next; guards everything that Close ends
	closing atomic.Bool

	dir                             string
	types                           []string
	titles                          *table
	akas, ratings, crew, principals *follower
	people                          *table
	names                           *names // nil until they are needed
	resumed                         bool
	problems                        []Problem
}

// The files and their columns.
var (
	basicsColumns     = []string{"tconst", "titleType", "primaryTitle", "originalTitle", "isAdult", "startYear", "endYear", "runtimeMinutes", "genres"}
	akasColumns       = []string{"titleId", "ordering", "title", "region", "language", "types", "attributes", "isOriginalTitle"}
	ratingsColumns    = []string{"tconst", "averageRating", "numVotes"}
	crewColumns       = []string{"tconst", "directors", "writers"}
	principalsColumns = []string{"tconst", "ordering", "nconst", "category", "job", "characters"}
	namesColumns      = []string{"nconst", "primaryName", "birthYear", "deathYear", "primaryProfession", "knownForTitles"}
)

// Open opens the files in dir, of which titles of the given types are read, such
// as "movie" and "tvMovie". The caller closes the reader.
func Open(dir string, types []string) (*Reader, error) {
	r := &Reader{dir: dir, types: types, akas: &follower{}, ratings: &follower{}, crew: &follower{}, principals: &follower{}}
	for _, f := range []struct {
		table   **table
		name    string
		columns []string
	}{
		{&r.titles, "title.basics", basicsColumns}, {&r.akas.table, "title.akas", akasColumns}, {&r.ratings.table, "title.ratings", ratingsColumns},
		{&r.crew.table, "title.crew", crewColumns}, {&r.principals.table, "title.principals", principalsColumns}, {&r.people, "name.basics", namesColumns},
	} {
		var err error
		if *f.table, err = openTable(dir, f.name, f.columns); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		(*f.table).closing = &r.closing
	}
	r.people.anyOrder = true
	return r, nil
}

// Close closes the files. A call of Next that is under way in another goroutine
// ends early, with os.ErrClosed.
func (r *Reader) Close() error {
	r.closing.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, t := range []*table{r.titles, r.akas.table, r.ratings.table, r.crew.table, r.principals.table, r.people} {
		if t != nil {
			errs = append(errs, t.file.Close())
		}
	}
	if r.names != nil {
		errs = append(errs, r.names.close())
	}
	return errors.Join(errs...)
}

// Dir is where the files are.
func (r *Reader) Dir() string { return r.dir }

// Consumed is how many of how many bytes of title.basics have been read.
func (r *Reader) Consumed() (done, size int64) { return r.titles.file.Consumed(), r.titles.file.Size }

// Fingerprint identifies the content of the files and the types that are read.
func (r *Reader) Fingerprint() []byte {
	h := sha256.New()
	for _, t := range []*table{r.titles, r.akas.table, r.ratings.table, r.crew.table, r.principals.table, r.people} {
		if t.file.Fingerprint == nil {
			return nil
		}
		h.Write(t.file.Fingerprint)
	}
	types := slices.Sorted(slices.Values(r.types))
	fmt.Fprintf(h, "%q", types)
	return h.Sum(nil)
}

// Skip goes forward to where a title ended when the same files were read before.
// The other files follow with the next title.
func (r *Reader) Skip(lines, offset int64) error {
	r.resumed = lines > 0
	return r.titles.file.Skip(lines, offset)
}

// Next returns the next title of a type that is asked for, or io.EOF behind the
// last, together with the problems met on the way. The first call reads the names.
func (r *Reader) Next() (Title, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Load() {
		return Title{}, os.ErrClosed
	}
	if r.names == nil {
		if err := r.readNames(); err != nil {
			return Title{}, err
		}
	}
	for {
		before := string(r.titles.key)
		err := r.titles.next()
		title := Title{Line: r.titles.line}
		title.Lines, title.Offset = r.titles.file.Position()
		if err != nil {
			title.Problems = r.told()
			return title, err
		}
		err = r.titles.split()
		switch {
		case err != nil:
			r.tell(r.titles, err)
		case string(r.titles.key) == before:
			r.tell(r.titles, movie.Invalid("tconst", before+" stands on the line before, too"))
		case !slices.Contains(r.types, string(r.titles.fields[1])):
			continue
		default:
			title.Text = string(r.titles.text)
			title.Movie, err = r.movie()
			if err != nil && !errors.Is(err, movie.ErrInvalid) {
				return title, err
			}
			if err != nil {
				r.tell(r.titles, err)
			}
		}
		title.Problems = r.told()
		return title, nil
	}
}

func (r *Reader) tell(t *table, err error) {
	r.problems = append(r.problems, Problem{File: t.file.Name, Line: t.line, Err: err, Text: string(t.text)})
}

func (r *Reader) told() []Problem {
	told := r.problems
	r.problems = nil
	return told
}

// follower is a file that has any number of lines for a title.
type follower struct {
	*table
	ahead bool // the line read last is about a later title
	ended bool
}

// each calls use for every line about the title with a key, passing those about
// earlier titles, which nobody asked for.
func (f *follower) each(key []byte, use func() error, tell func(*table, error)) error {
	for !f.ended {
		if !f.ahead {
			if err := f.next(); errors.Is(err, io.EOF) {
				f.ended = true
				return nil
			} else if err != nil {
				return err
			}
		}
		if len(f.text) == 0 {
			tell(f.table, f.split()) // too long to know whose it is
			continue
		}
		order := bytes.Compare(f.key, key)
		if f.ahead = order > 0; f.ahead {
			return nil
		}
		if order < 0 {
			continue
		}
		err := f.split()
		if err == nil {
			err = use()
		}
		if errors.Is(err, movie.ErrInvalid) {
			tell(f.table, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}
