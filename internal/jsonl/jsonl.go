// Package jsonl reads files of one record a line, JSON objects above all: plain or
// gzip (told apart by content, not by name), from disk or standard input, of any
// length in bounded memory. It knows where it is, so that work on a file can be resumed, and what a
// file is, so that a changed one is not taken for the old. What a line means is
// its caller's business.
package jsonl

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

// MaxLine is how many bytes a line may have.
const MaxLine = 1 << 20

// headSize is how much of a file its fingerprint covers.
const headSize = 1 << 20

// ErrTooLong is why a Line has no Text.
var ErrTooLong = fmt.Errorf("the line is longer than %d bytes", MaxLine)

// Line is one line that is not blank.
type Line struct {
	// Number counts from 1, blank lines included.
	Number int64
	// Text is the line without its end. It is valid until the next call of Next.
	Text []byte
	// Err is ErrTooLong or nil.
	Err error
}

// File is an open file. Only Consumed may be called from other goroutines.
type File struct {
	// Name is the path as given, "stdin" for standard input.
	Name string
	// Size is the number of bytes on disk, 0 when unknown.
	Size int64
	// Fingerprint identifies name and content; nil for what cannot be read twice.
	Fingerprint []byte
	// KeepSpace keeps blanks and tabs at both ends of a line, which otherwise are
	// cut off. It is set before the first line is read.
	KeepSpace bool

	raw      *os.File
	consumed atomic.Int64
	text     *bufio.Reader
	number   int64
	offset   int64
	long     []byte

	current      Line  // what Next returned last
	before       int64 // the offset at which current, or blank lines ahead of it, began
	beforeNumber int64
	unread       bool
}

// Open opens the file at path; "-" is standard input. The caller closes it.
func Open(path string) (*File, error) {
	if path == "-" {
		f := &File{Name: "stdin", raw: os.Stdin}
		return f, f.start()
	}
	raw, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{Name: path, raw: raw}
	if err := errors.Join(f.identify(), f.start()); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), raw.Close())
	}
	return f, nil
}

// identify computes the fingerprint of a regular file: its base name, size,
// modification time and first bytes.
func (f *File) identify() error {
	info, err := f.raw.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f.Size = info.Size()
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", filepath.Base(f.Name))
	for _, n := range []int64{f.Size, info.ModTime().UnixNano()} {
		_ = binary.Write(h, binary.BigEndian, n)
	}
	if _, err := io.Copy(h, io.NewSectionReader(f.raw, 0, headSize)); err != nil {
		return err
	}
	f.Fingerprint = h.Sum(nil)
	return nil
}

// start begins to read, through gzip if the content begins like it, and skips a
// byte order mark.
func (f *File) start() error {
	buffered := bufio.NewReaderSize(io.TeeReader(f.raw, (*counter)(&f.consumed)), 1<<18)
	f.text = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		f.text = bufio.NewReaderSize(z, 1<<18)
	}
	if mark, _ := f.text.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		n, _ := f.text.Discard(3)
		f.offset += int64(n)
	}
	return nil
}

type counter atomic.Int64

func (c *counter) Write(p []byte) (int, error) {
	(*atomic.Int64)(c).Add(int64(len(p)))
	return len(p), nil
}

// Consumed is how many of the Size bytes have been read.
func (f *File) Consumed() int64 { return f.consumed.Load() }

// Position is where the next line begins: how many lines and how many bytes of
// text, after decompression, are behind it.
func (f *File) Position() (lines, offset int64) {
	if f.unread {
		return f.beforeNumber, f.before
	}
	return f.number, f.offset
}

// Skip goes forward to a Position that this file had when it was read before.
func (f *File) Skip(lines, offset int64) error {
	if _, err := io.CopyN(io.Discard, f.text, offset-f.offset); err != nil {
		return fmt.Errorf("skip to line %d of %s: %w", lines+1, f.Name, err)
	}
	f.number, f.offset = lines, offset
	return nil
}

// Next returns the next line that is not blank, or io.EOF after the last.
func (f *File) Next() (Line, error) {
	if f.unread {
		f.unread = false
		return f.current, nil
	}
	f.beforeNumber, f.before = f.number, f.offset
	line, err := f.next()
	f.current = line
	return line, err
}

// Unread makes Next return the line again that it returned last.
func (f *File) Unread() { f.unread = true }

func (f *File) next() (Line, error) {
	for {
		text, tooLong, err := f.readLine()
		if err != nil {
			return Line{}, err
		}
		f.number++
		if tooLong {
			return Line{Number: f.number, Err: ErrTooLong}, nil
		}
		if text = f.trim(text); len(text) > 0 {
			return Line{Number: f.number, Text: text}, nil
		}
	}
}

func (f *File) trim(text []byte) []byte {
	if f.KeepSpace {
		return bytes.TrimRight(text, "\r\n")
	}
	return bytes.TrimSpace(text)
}

// readLine reads up to and including the next newline. Of a line that is too
// long it keeps nothing.
func (f *File) readLine() (text []byte, tooLong bool, err error) {
	f.long = f.long[:0]
	for {
		part, err := f.text.ReadSlice('\n')
		f.offset += int64(len(part))
		if err == nil && len(f.long) == 0 && !tooLong {
			return part, false, nil
		}
		if tooLong = tooLong || len(f.long)+len(part) > MaxLine+1; !tooLong {
			f.long = append(f.long, part...)
		}
		switch {
		case err == nil:
			return f.long, tooLong, nil
		case errors.Is(err, io.EOF) && (tooLong || len(f.long) > 0):
			return f.long, tooLong, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, f.readError(err)
		}
	}
}

// readError says which file failed; the end of the file is no failure.
func (f *File) readError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("read %s behind line %d: %w", f.Name, f.number, err)
}

// Close closes the file; standard input stays open.
func (f *File) Close() error {
	if f.raw == os.Stdin {
		return nil
	}
	return f.raw.Close()
}
