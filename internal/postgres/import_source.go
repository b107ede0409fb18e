package postgres

import (
	"io"

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
	// Sparse says that the source knows some fields of movies only: those that it
	// leaves unknown stay as they are in the catalogue.
	Sparse bool
}

// Entry is one movie of a source, or what stands in its place.
type Entry struct {
	Movie movie.Movie
	// Err says why there is no movie; its kind is usually movie.ErrInvalid.
	Err error
	// Line is the number of the line the movie stands on, Text is the line.
	Line int64
	Text string
	// Lost are further lines that belong to the movie and cannot be used.
	Lost []Rejection
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
	e := Entry{Line: line.Number, Text: string(line.Text), Err: line.Err, End: s.end()}
	if e.Err == nil {
		e.Movie, e.Err = movie.Parse(line.Text)
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
	return Entry{Movie: m, Line: s.next, End: Position{Lines: s.next}}, nil
}
