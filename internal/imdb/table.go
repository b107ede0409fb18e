package imdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"movies/internal/jsonl"
	"movies/internal/movie"
)

// table is one file: a header, and lines in the order of their first column.
type table struct {
	file     *jsonl.File
	columns  []string
	anyOrder bool // nothing follows from the order
	closing  *atomic.Bool

	line   int64
	text   []byte   // of the line; valid until the next
	key    []byte   // its first column
	fields [][]byte // all columns, after split
}

// openTable opens a file and checks that it is what its name says.
func openTable(dir, name string, columns []string) (*table, error) {
	f, err := jsonl.Open(filepath.Join(dir, name+".tsv.gz"))
	if err != nil {
		return nil, err
	}
	f.KeepSpace = true // an empty last column is one
	t := &table{file: f, columns: columns}
	header, err := f.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	if want := strings.Join(columns, "\t"); string(header.Text) != want {
		err := fmt.Errorf("%s:1: this is not IMDb's %s: the first line must be the columns %s, separated by tabs", f.Name, name, strings.Join(columns, ", "))
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// next goes to the next line and reads its key, or returns io.EOF. Lines that are
// too long have no key and are not split.
func (t *table) next() error {
	if t.closing.Load() {
		return os.ErrClosed
	}
	line, err := t.file.Next()
	if err != nil {
		return err
	}
	t.line, t.text = line.Number, line.Text
	if len(line.Text) == 0 {
		return nil
	}
	key, _, _ := bytes.Cut(line.Text, []byte{'\t'})
	if bytes.Compare(key, t.key) < 0 && !t.anyOrder {
		return fmt.Errorf("%s:%d: %q comes behind %q: lines must be in the order of their first column, compared byte by byte, as IMDb's are", t.file.Name, t.line, key, t.key)
	}
	t.key = append(t.key[:0], key...)
	return nil
}

// split cuts the line into columns.
func (t *table) split() error {
	if len(t.text) == 0 {
		return fmt.Errorf("%w: %w", movie.ErrInvalid, jsonl.ErrTooLong)
	}
	if !utf8.Valid(t.text) {
		return movie.Invalid("text", "is not valid UTF-8")
	}
	t.fields = t.fields[:0]
	for rest, more := t.text, true; more; {
		var field []byte
		field, rest, more = bytes.Cut(rest, []byte{'\t'})
		t.fields = append(t.fields, field)
	}
	if len(t.fields) != len(t.columns) {
		return movie.Invalid("text", fmt.Sprintf("has %d columns, must have %d", len(t.fields), len(t.columns)))
	}
	return nil
}

// known tells whether a column has a value, which \N is not.
func (t *table) known(column int) bool {
	f := t.fields[column]
	return len(f) > 0 && string(f) != `\N`
}

// string is the text of a column, empty when unknown.
func (t *table) string(column int) string {
	if !t.known(column) {
		return ""
	}
	return string(t.fields[column])
}

// list is the values of a column with commas between them.
func (t *table) list(column int) []string {
	if !t.known(column) {
		return nil
	}
	return strings.Split(string(t.fields[column]), ",")
}

// integer is the number in a column, 0 when unknown.
func (t *table) integer(column int) (int64, error) {
	if !t.known(column) {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(t.fields[column]), 10, 64)
	if err != nil {
		return 0, movie.Invalid(t.columns[column], fmt.Sprintf(`must be an integer or \N, not %q`, t.fields[column]))
	}
	return n, nil
}
