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

	"movies/internal/postgres"
	"movies/internal/progress"
)

type exportCommand struct {
	Out string `default:"-" placeholder:"FILE" help:"Where to write; a name ending in .gz compresses, - is standard output."`
}

// Run writes the export. A file appears under its name only when it is complete.
func (c exportCommand) Run(ctx context.Context, t *terminal) error {
	catalog, err := postgres.Open(ctx, t.databaseURL)
	if err != nil {
		return err
	}
	defer catalog.Close()
	if c.Out == "-" {
		return c.export(ctx, t, catalog, t.stdout)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Out), filepath.Base(c.Out)+".*.part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is nothing to remove
	if err := errors.Join(c.export(ctx, t, catalog, f), f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.Out)
}

func (c exportCommand) export(ctx context.Context, t *terminal, catalog *postgres.Catalog, out io.Writer) error {
	total, err := catalog.EstimatedSize(ctx)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(out, 1<<18)
	sink := io.Writer(buffered)
	finish := buffered.Flush
	if strings.HasSuffix(c.Out, ".gz") {
		z := gzip.NewWriter(buffered)
		sink, finish = z, func() error { return errors.Join(z.Close(), buffered.Flush()) }
	}
	bar := progress.Start(t.stderr, progress.Options{Name: "export", Unit: "movies", JSON: t.json, Total: total})
	defer bar.Finish()
	written, err := catalog.Export(ctx, sink, func(n int64) { bar.Set(n, 0) })
	if err := errors.Join(err, finish()); err != nil {
		return err
	}
	bar.Finish()
	if c.Out == "-" {
		return nil // standard output is the movies'
	}
	if t.json {
		return t.printJSON(map[string]any{"file": c.Out, "movies": written})
	}
	_, err = fmt.Fprintf(t.stdout, "%s: %s\n", c.Out, counted(written, "movie", "movies"))
	return err
}
