package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"movies/internal/progress"
)

type exportCommand struct {
	Out string `default:"-" placeholder:"FILE" help:"Where to write; a name ending in .gz compresses, - is standard output."`
}

// Run writes the export.
func (c exportCommand) Run(ctx context.Context, t *terminal) error {
	catalog, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer catalog.Close()
	total, err := catalog.EstimatedSize(ctx)
	if err != nil {
		return err
	}
	return t.writeMovies(c.Out, "export", total, func(out io.Writer, progress func(int64)) error {
		_, err := catalog.Export(ctx, out, progress)
		return err
	})
}

// writeMovies writes movies to a file, which appears under its name only when it
// is complete; to a device or pipe directly; or to standard output.
func (t *terminal) writeMovies(path, task string, total int64, write func(out io.Writer, progress func(int64)) error) error {
	return t.report(path, task, total, func(progress func(int64)) error {
		compressed := func(out io.Writer) error {
			return compress(path, out, func(out io.Writer) error { return write(out, progress) })
		}
		if path == "-" {
			return compressed(t.stdout)
		}
		return replaceFile(path, compressed)
	})
}

// report shows the progress of writing to a path and prints a summary, unless
// that is standard output.
func (t *terminal) report(path, task string, total int64, write func(progress func(int64)) error) error {
	var written int64
	bar := progress.Start(t.stderr, progress.Options{Name: task, Unit: "movies", JSON: t.json, Total: total})
	defer bar.Finish()
	err := write(func(n int64) {
		written = n
		bar.Set(n, 0)
	})
	bar.Finish()
	switch {
	case err != nil || path == "-":
		return err
	case t.json:
		return t.printJSON(map[string]any{"file": path, "movies": written})
	}
	_, err = fmt.Fprintf(t.stdout, "%s: %s\n", path, counted(written, "movie", "movies"))
	return err
}

// replaceFile writes the file at path as a whole, unless it is no regular file.
func replaceFile(path string, write func(out io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is nothing to remove
	if err := errors.Join(write(f), f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// compress buffers what is written, and compresses it if the name asks for it.
func compress(path string, out io.Writer, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(out, 1<<18)
	if !strings.HasSuffix(path, ".gz") {
		return errors.Join(write(buffered), buffered.Flush())
	}
	z := gzip.NewWriter(buffered)
	return errors.Join(write(z), z.Close(), buffered.Flush())
}
