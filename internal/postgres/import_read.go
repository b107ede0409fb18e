package postgres

import (
	"errors"
	"io"
	"slices"

	"movies/internal/jsonl"
	"movies/internal/movie"
)

// Bounds of a chunk: large enough for set-based work, small enough for memory,
// for the time others wait for its locks, and for logical decoding, which keeps
// transactions in memory up to logical_decoding_work_mem.
const (
	maxChunkLines = 2_000
	maxChunkBytes = 8 << 20
)

// chunk is the lines of one transaction.
type chunk struct {
	lines     []importLine
	rejected  []Rejection
	counted   int // how many of rejected the totals contain
	endLine   int64
	endOffset int64
	last      bool
}

type importLine struct {
	number int64
	text   string
	movie  movie.Movie
	key    []byte // see importKey; nil when the line has an id
}

// readChunk reads lines until a bound is reached, the file ends, or the next
// line is about a movie that the chunk has already: two lines about one movie
// take effect one after the other.
func readChunk(f *jsonl.File) (*chunk, error) {
	c := &chunk{}
	seen := map[string]bool{}
	for size := 0; len(c.lines)+len(c.rejected) < maxChunkLines && size < maxChunkBytes; {
		line, err := f.Next()
		if errors.Is(err, io.EOF) {
			c.last = true
			break
		}
		if err != nil {
			return nil, err
		}
		size += len(line.Text)
		if !c.add(f.Name, line, seen) {
			f.Unread()
			break
		}
	}
	c.endLine, c.endOffset = f.Position()
	return c, nil
}

// add parses a line into the chunk; false means that it has to wait for the next.
func (c *chunk) add(file string, line jsonl.Line, seen map[string]bool) bool {
	var m movie.Movie
	err := line.Err
	if err == nil {
		m, err = movie.Parse(line.Text)
	}
	if err != nil {
		c.rejected = append(c.rejected, Rejection{File: file, Line: line.Number, Err: err, Text: string(line.Text)})
		return true
	}
	parsed := importLine{number: line.Number, text: string(line.Text), movie: m}
	if m.ID == 0 {
		parsed.key = importKey(&m)
	}
	names := parsed.identities()
	if slices.ContainsFunc(names, func(n string) bool { return seen[n] }) {
		return false
	}
	for _, n := range names {
		seen[n] = true
	}
	c.lines = append(c.lines, parsed)
	return true
}
