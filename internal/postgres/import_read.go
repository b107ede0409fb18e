package postgres

import (
	"errors"
	"io"
	"slices"

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
	lines    []importLine
	rejected []Rejection
	counted  int // how many of rejected the totals contain
	end      Position
	last     bool
}

type importLine struct {
	number int64
	text   string
	movie  movie.Movie
	key    []byte // see importKey; nil when the line has an id
	placed bool   // the movie's id is of the import's making
}

// chunkReader cuts a source into chunks.
type chunkReader struct {
	source  Source
	info    SourceInfo
	pending *Entry // was read, but has to wait for the next chunk
}

// next reads lines until a bound is reached, the source ends, or the next line is
// about a movie that the chunk has already: two lines about one movie take effect
// one after the other.
func (r *chunkReader) next() (*chunk, error) {
	c := &chunk{}
	seen := map[string]bool{}
	for size := 0; len(c.lines)+len(c.rejected) < maxChunkLines && size < maxChunkBytes; {
		entry, err := r.entry()
		if errors.Is(err, io.EOF) {
			c.rejected = append(c.rejected, entry.Rejected...)
			c.end, c.last = entry.End, true
			break
		}
		if err != nil {
			return nil, err
		}
		size += len(entry.Text)
		if !c.add(r.info, &entry, seen) {
			r.pending = &entry
			break
		}
	}
	return c, nil
}

func (r *chunkReader) entry() (Entry, error) {
	if e := r.pending; e != nil {
		r.pending = nil
		return *e, nil
	}
	return r.source.Next()
}

// add takes an entry into the chunk; false means that it has to wait for the next.
func (c *chunk) add(info SourceInfo, e *Entry, seen map[string]bool) bool {
	if e.Movie != nil {
		line := importLine{number: e.Line, text: e.Text, movie: *e.Movie}
		if e.Movie.ID == 0 && !info.FromIMDb {
			line.key = importKey(e.Movie)
		}
		names := line.identities()
		if slices.ContainsFunc(names, func(n string) bool { return seen[n] }) {
			return false
		}
		for _, n := range names {
			seen[n] = true
		}
		c.lines = append(c.lines, line)
	}
	c.rejected = append(c.rejected, e.Rejected...)
	c.end = e.End
	return true
}
