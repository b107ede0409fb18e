// Package sample is the catalogue that ships with the service: more than a
// thousand real films of all decades, countries, scripts and genres, written for
// this project. The demo loads it, and the golden relevance tests ask it.
//
// Facts (titles, years, running times, people, languages, countries) are meant to
// be right, and an error in them is a bug. Rating, votes and popularity are
// editorial figures that give the demo something to sort by; they measure nothing.
//
// It promises consistency: every line is a valid movie, ids are unique, and a
// person's name is spelled in one way throughout. The tests hold it to that.
package sample

import (
	"embed"
	"io"
	"io/fs"
)

// Files holds the catalogue as JSONL in the contract's field names.
//
//go:embed *.jsonl
var Files embed.FS

// Open reads the whole catalogue as one JSONL stream, file by file in the order
// of their names.
func Open() (io.ReadCloser, error) {
	names, err := fs.Glob(Files, "*.jsonl")
	if err != nil {
		return nil, err
	}
	readers := make([]io.Reader, len(names))
	for i, name := range names {
		f, err := Files.Open(name)
		if err != nil {
			return nil, err
		}
		readers[i] = f // closing an embedded file does nothing
	}
	return io.NopCloser(io.MultiReader(readers...)), nil
}
