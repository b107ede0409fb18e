package jsonl_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/jsonl"
)

type line struct {
	Number int64
	Text   string
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, path string) *jsonl.File {
	t.Helper()
	f, err := jsonl.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func rest(t testing.TB, f *jsonl.File) []line {
	t.Helper()
	var all []line
	for {
		l, err := f.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, line{l.Number, string(l.Text)})
	}
}

func TestLinesAndTheirNumbers(t *testing.T) {
	content := []byte("\xef\xbb\xbf{1}\r\n\n  \n {2} \n{3}")
	want := []line{{1, "{1}"}, {4, "{2}"}, {5, "{3}"}}
	for name, content := range map[string][]byte{"plain.jsonl": content, "zipped.jsonl.gz": zipped(t, content), "zipped.jsonl": zipped(t, content)} {
		f := open(t, write(t, name, content))
		if diff := cmp.Diff(want, rest(t, f)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if f.Consumed() != f.Size || f.Size != int64(len(content)) {
			t.Errorf("%s: consumed %d of %d, the file has %d", name, f.Consumed(), f.Size, len(content))
		}
	}
	if got := rest(t, open(t, write(t, "empty", nil))); got != nil {
		t.Errorf("empty file: %v", got)
	}
}

func TestSpaceIsKeptWhereAskedFor(t *testing.T) {
	f := open(t, write(t, "a.tsv", []byte("\ta\tb \t\t\r\n\n\t\nlast")))
	f.KeepSpace = true
	if diff := cmp.Diff([]line{{1, "\ta\tb \t\t"}, {3, "\t"}, {4, "last"}}, rest(t, f)); diff != "" {
		t.Error(diff)
	}
}

func TestLongLines(t *testing.T) {
	fits := strings.Repeat("a", jsonl.MaxLine)
	content := fits + "\n" + fits + "b\nshort\n" + strings.Repeat("c", 3*jsonl.MaxLine)
	f := open(t, write(t, "long", []byte(content)))
	for i, want := range []error{nil, jsonl.ErrTooLong, nil, jsonl.ErrTooLong} {
		l, err := f.Next()
		if err != nil || !errors.Is(l.Err, want) || l.Number != int64(i)+1 {
			t.Errorf("line %d came as %d with %v (%v), want %v", i+1, l.Number, l.Err, err, want)
		}
	}
	if _, err := f.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// Wherever reading stops, it can be resumed there.
func TestSkipGoesToAnyPosition(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"", "  ", "{a}", "{bb}\r", strings.Repeat("x", 300_000)}), 0, 6).Draw(r, "lines")
		content := []byte(strings.Join(lines, "\n"))
		if rapid.Bool().Draw(r, "gzip") {
			content = zipped(t, content)
		}
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			r.Fatal(err)
		}
		first, second := open(t, path), open(t, path)
		for range rapid.IntRange(0, 6).Draw(r, "read") {
			if _, err := first.Next(); err != nil {
				break
			}
			if rapid.Bool().Draw(r, "unread") {
				first.Unread()
			}
		}
		if err := second.Skip(first.Position()); err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(rest(t, first), rest(t, second)); diff != "" {
			r.Fatal(diff)
		}
	})
}

func TestFingerprintTellsFilesApart(t *testing.T) {
	path := write(t, "a.jsonl", []byte("{}\n"))
	same := open(t, path).Fingerprint
	if again := open(t, path).Fingerprint; !bytes.Equal(same, again) || len(same) == 0 {
		t.Errorf("the same file: %x and %x", same, again)
	}
	seen := map[string]string{string(same): "the file"}
	check := func(how string, path string) {
		print := string(open(t, path).Fingerprint)
		if other, found := seen[print]; found {
			t.Errorf("%s has the fingerprint of %s", how, other)
		}
		seen[print] = how
	}
	check("another name", write(t, "b.jsonl", []byte("{}\n")))
	if err := os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	check("another time", path)
	if err := os.WriteFile(path, []byte("[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	check("another content", path)
}

func TestDamagedFiles(t *testing.T) {
	whole := zipped(t, []byte(strings.Repeat("{\"title\":\"x\"}\n", 1000)))
	f := open(t, write(t, "cut.gz", whole[:len(whole)-6]))
	var err error
	for err == nil {
		_, err = f.Next()
	}
	if errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "cut.gz behind line 1000") {
		t.Errorf("a file that was cut off: %v", err)
	}
	if _, err := jsonl.Open(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
