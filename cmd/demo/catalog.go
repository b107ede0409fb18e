package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"movies/internal/postgres"
	"movies/internal/sample"
)

// migrate brings the schema up to date.
func (d *demo) migrate(ctx context.Context) error {
	d.report("catalog: migrating the database")
	return d.command(ctx, "catalog", "migrate")
}

// load fills the catalogue, unless an earlier run has. At the first start this
// comes before the relay, so that the first index is filled from Postgres alone.
func (d *demo) load(ctx context.Context) error {
	marker := d.DataFile("loaded")
	source, err := d.source()
	if err != nil {
		return err
	}
	loaded, err := os.ReadFile(marker)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.report("catalog: loading " + source)
		if err := d.importSource(ctx); err != nil {
			return err
		}
		if err := os.WriteFile(marker, []byte(source), 0o600); err != nil {
			return err
		}
	case err != nil:
		return err
	case string(loaded) != source:
		d.report(fmt.Sprintf("catalog: it holds %s already, so %s is not loaded; make demo-clean empties it", loaded, source))
	}
	return nil
}

// source names what the catalogue is loaded from. A file that was changed is
// another source, so its size and time are part of the name.
func (c runCommand) source() (string, error) {
	switch {
	case c.Movies > 0:
		return fmt.Sprintf("%d made-up movies", c.Movies), nil
	case c.Catalog == "":
		return "the sample", nil
	}
	path, err := filepath.Abs(c.Catalog)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (%d bytes of %s)", path, info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano)), nil
}

// importSource imports the file, or the sample, which it first writes to one.
func (d *demo) importSource(ctx context.Context) error {
	switch {
	case d.Movies > 0:
		return d.command(ctx, "catalog", "generate", "--movies", strconv.FormatInt(d.Movies, 10), "--seed", "1")
	case d.Catalog != "":
		return d.importFile(ctx, d.Catalog)
	}
	content, err := sample.Open()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	file, err := os.Create(filepath.Join(d.Dir, "sample.jsonl"))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return errors.Join(d.importFile(ctx, file.Name()), os.Remove(file.Name()))
}

// importFile imports a file to its end. The import fails when it rejects lines,
// yet it is done then: it prints its summary only when it has read all of the file.
func (d *demo) importFile(ctx context.Context, file string) error {
	var summary bytes.Buffer
	cmd := d.prepare(ctx, "catalog", "import", "jsonl", file)
	cmd.Stdout = io.MultiWriter(os.Stdout, &summary)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && bytes.Contains(summary.Bytes(), []byte(" rejected; ")):
		d.report("catalog: loaded without the rejected lines")
		return nil
	}
	return fmt.Errorf("import %s: %w", file, err)
}

// makeIndex makes the first index; later starts find the read alias.
func (d *demo) makeIndex(ctx context.Context) error {
	if answers(d.SearchURL+"/_alias/movies")(ctx) == nil {
		return nil
	}
	d.report("index: making the first one")
	return d.command(ctx, "reindex", "run")
}

// command runs a command of the service to its end.
func (d *demo) command(ctx context.Context, name string, args ...string) error {
	if err := d.prepare(ctx, name, args...).Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}

// prepare makes a command of the service, which shows what it says.
func (d *demo) prepare(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, name), args...)
	cmd.Env = d.environment()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// stalled is how long the index may stand still before the demo stops waiting.
const stalled = time.Minute

// awaitSearchable waits until the search cluster has as many movies as Postgres.
// It fails when the index stands still, for then nobody may be told that all is well.
func (d *demo) awaitSearchable(ctx context.Context) error {
	source, err := postgres.Open(ctx, d.DatabaseURL)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := d.awaitEqual(ctx, source.Count, d.countIndexed); err != nil {
		return fmt.Errorf("%w; the logs in %s may say why", err, filepath.Dir(d.LogFile("indexer")))
	}
	return nil
}

// awaitEqual waits until both counts are equal, for as long as the indexed one moves.
func (d *demo) awaitEqual(ctx context.Context, stored, indexed func(context.Context) (int64, error)) error {
	var last int64
	shown, moved := time.Now(), time.Now()
	for {
		want, err := stored(ctx)
		if err != nil {
			return err
		}
		have, err := indexed(ctx)
		switch {
		case err == nil && have == want:
			d.report(fmt.Sprintf("catalog: %d movies are searchable", have))
			return nil
		case err == nil && have != last:
			last, moved = have, time.Now()
		case time.Since(moved) > stalled:
			return errors.Join(fmt.Errorf("only %d of %d movies are searchable, and no more became so for %s", last, want, stalled), err)
		}
		if time.Since(shown) > 2*time.Second {
			d.report(fmt.Sprintf("catalog: %d of %d movies are searchable", have, want))
			shown = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// countIndexed asks the search cluster how many movies the read alias has.
func (d *demo) countIndexed(ctx context.Context) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.SearchURL+"/movies/_count", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("count the indexed movies: %s", response.Status)
	}
	var answer struct{ Count int64 }
	return answer.Count, json.NewDecoder(response.Body).Decode(&answer)
}
