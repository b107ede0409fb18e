package imdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"movies/internal/movie"
)

// names are the names of people by the number in their nconst. They lie in two
// temporary files that nobody else sees: the names one behind the other, and a
// sparse table of where each begins, mapped into memory so that the system keeps
// of it what it has room for.
type names struct {
	texts *os.File
	table []byte
}

// A number in an nconst is below maxPerson.
const (
	maxPerson = 1_000_000_000
	wordSize  = 8
	// Entry of the table: the offset of a name above lengthBits bits of its length.
	lengthBits = 12
)

func newNames() (*names, error) {
	texts, err := temporary()
	if err != nil {
		return nil, err
	}
	table, err := temporary()
	if err != nil {
		return nil, errors.Join(err, texts.Close())
	}
	defer func() { _ = table.Close() }() // the mapping stays
	n := &names{texts: texts}
	if err = table.Truncate(maxPerson * wordSize); err == nil {
		n.table, err = syscall.Mmap(int(table.Fd()), 0, maxPerson*wordSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a temporary file for names: %w", err), texts.Close())
	}
	return n, nil
}

// temporary is a file that goes when it is closed.
func temporary() (*os.File, error) {
	f, err := os.CreateTemp("", "imdb-names-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (n *names) close() error { return errors.Join(syscall.Munmap(n.table), n.texts.Close()) }

// readNames fills names from name.basics. In a run that goes on where an earlier
// one was stopped, bad lines have been told.
func (r *Reader) readNames() error {
	n, err := newNames()
	if err != nil {
		return err
	}
	r.names = n // Close ends it
	out := bufio.NewWriterSize(n.texts, 1<<16)
	for offset := int64(0); ; {
		err := r.people.next()
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		number, name, err := r.person()
		if err != nil {
			if !r.resumed && len(r.problems) < maxNameProblems {
				r.tell(r.people, err)
			}
			continue
		}
		binary.NativeEndian.PutUint64(n.table[number*wordSize:], uint64(offset)<<lengthBits|uint64(len(name)))
		if _, err := out.WriteString(name); err != nil {
			return fmt.Errorf("write names: %w", err)
		}
		offset += int64(len(name))
	}
}

// maxNameProblems bounds what is kept of bad lines until it can be told.
const maxNameProblems = 10_000

// person reads the current line of name.basics.
func (r *Reader) person() (number int, name string, err error) {
	if err := r.people.split(); err != nil {
		return 0, "", err
	}
	number, err = personNumber(r.people.string(0))
	if err != nil {
		return 0, "", err
	}
	name = r.people.string(1)
	if strings.TrimSpace(name) == "" || strings.ContainsRune(name, 0) || utf8.RuneCountInString(name) > movie.MaxName {
		return 0, "", movie.Invalid("primaryName", fmt.Sprintf("must have 1 to %d characters, U+0000 none of them", movie.MaxName))
	}
	return number, name, nil
}

// personNumber is the number in an nconst.
func personNumber(id string) (int, error) {
	digits, found := strings.CutPrefix(id, "nm")
	number, err := strconv.ParseUint(digits, 10, 63)
	if !found || err != nil || len(digits) < 7 || len(digits) > 7 && digits[0] == '0' || number >= maxPerson {
		return 0, movie.Invalid("nconst", fmt.Sprintf(`must be "nm" and 7 to 9 digits, not %q`, id))
	}
	return int(number), nil
}

// find returns the name of a person, empty when there is none.
func (n *names) find(id string) (string, error) {
	number, err := personNumber(id)
	if err != nil {
		return "", err
	}
	entry := binary.NativeEndian.Uint64(n.table[number*wordSize:])
	text := make([]byte, entry&(1<<lengthBits-1))
	if _, err := n.texts.ReadAt(text, int64(entry>>lengthBits)); err != nil {
		return "", fmt.Errorf("read names: %w", err)
	}
	return string(text), nil
}
