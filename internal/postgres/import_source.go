package postgres

import (
	"io"

	"movies/internal/imdb"
	"movies/internal/jsonl"
	"movies/internal/movie"
)

// Source is where an import gets movies from, one entry after the other. It is
// used from one goroutine at a time.
type Source interface {
	Info() SourceInfo
	// Next returns the next entry, or io.EOF behind the last.
	Next() (Entry, error)
	// Skip goes forward to a position that an entry of the same source had.
	Skip(Position) error
}

// SourceInfo is what a source is.
type SourceInfo struct {
	// Name is shown to people.
	Name string
	// Fingerprint identifies the content; nil for what cannot be read twice.
	Fingerprint []byte
	// FromIMDb says that the source has what IMDb has: what IMDb knows nothing of
	// (release date, overview, languages, countries, keywords, popularity, poster)
	// stays in the catalogue as it is, and movies and people are known by their
	// identifiers there.
	FromIMDb bool
}

// Entry is what a source has in one place: a movie, lines that cannot be used, or
// both.
type Entry struct {
	Movie *movie.Movie // nil for none
	// Line is the number of the line the movie stands on, Text is the line.
	Line     int64
	Text     string
	Rejected []Rejection
	// End is the position behind the entry.
	End Position
}

// Position is a place between two entries: how many lines and bytes are before it.
type Position struct{ Lines, Offset int64 }

// JSONL is a file with one movie a line.
func JSONL(f *jsonl.File) Source { return jsonlSource{f} }

type jsonlSource struct{ file *jsonl.File }

func (s jsonlSource) Info() SourceInfo {
	return SourceInfo{Name: s.file.Name, Fingerprint: s.file.Fingerprint}
}

func (s jsonlSource) Skip(p Position) error { return s.file.Skip(p.Lines, p.Offset) }

// Next parses the next line. Blank lines at the end stand without a movie.
func (s jsonlSource) Next() (Entry, error) {
	line, err := s.file.Next()
	if err != nil {
		return Entry{End: s.end()}, err
	}
	e := Entry{Line: line.Number, Text: string(line.Text), End: s.end()}
	m, err := movie.Movie{}, line.Err
	if err == nil {
		m, err = movie.Parse(line.Text)
	}
	if err != nil {
		e.Rejected = []Rejection{{File: s.file.Name, Line: e.Line, Err: err, Text: e.Text}}
	} else {
		e.Movie = &m
	}
	return e, nil
}

func (s jsonlSource) end() Position {
	lines, offset := s.file.Position()
	return Position{lines, offset}
}

// Sequence is n movies that are made one after the other, from index 0 on.
func Sequence(name string, fingerprint []byte, n int64, make func(i int64) movie.Movie) Source {
	return &sequence{info: SourceInfo{Name: name, Fingerprint: fingerprint}, n: n, make: make}
}

type sequence struct {
	info    SourceInfo
	next, n int64
	make    func(i int64) movie.Movie
}

func (s *sequence) Info() SourceInfo { return s.info }

func (s *sequence) Skip(p Position) error {
	s.next = p.Lines
	return nil
}

func (s *sequence) Next() (Entry, error) {
	if s.next >= s.n {
		return Entry{End: Position{Lines: s.next}}, io.EOF
	}
	m := s.make(s.next)
	s.next++
	return Entry{Movie: &m, Line: s.next, End: Position{Lines: s.next}}, nil
}

// IMDb is a directory of IMDb's files.
func IMDb(r *imdb.Reader) Source { return imdbSource{r} }

type imdbSource struct{ reader *imdb.Reader }

func (s imdbSource) Info() SourceInfo {
	return SourceInfo{Name: s.reader.Dir(), Fingerprint: s.reader.Fingerprint(), FromIMDb: true}
}

func (s imdbSource) Skip(p Position) error { return s.reader.Skip(p.Lines, p.Offset) }

func (s imdbSource) Next() (Entry, error) {
	title, err := s.reader.Next()
	e := Entry{Movie: title.Movie, Line: title.Line, Text: title.Text, End: Position{title.Lines, title.Offset}}
	for _, p := range title.Problems {
		e.Rejected = append(e.Rejected, Rejection(p))
	}
	return e, err
}
