package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"movies/internal/jsonl"
	"movies/internal/postgres"
	"movies/internal/progress"
)

// importFlags are those of every import.
type importFlags struct {
	Again   bool   `help:"Import files anew that were imported before. What has not changed is not written."`
	Rejects string `placeholder:"FILE" help:"Write rejected lines to FILE as JSON lines with file, line, reason and text."`
}

// run opens the catalogue and the file of rejects, and lets load import. Lines
// that cannot be imported are reported on stderr and make the command fail at the
// end.
func (c importFlags) run(ctx context.Context, t *terminal, load func(catalog *postgres.Catalog, run importRun) (rejected int64, err error)) (err error) {
	catalog, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer catalog.Close()
	run := importRun{again: c.Again}
	if c.Rejects != "" {
		f, err := os.Create(c.Rejects)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		run.rejects = json.NewEncoder(f)
	}
	rejected, err := load(catalog, run)
	if err == nil && rejected > 0 {
		return fmt.Errorf("%s rejected; everything else is imported", counted(rejected, "line was", "lines were"))
	}
	return err
}

type importJSONLCommand struct {
	Files       []string `arg:"" name:"file" help:"JSONL files, plain or gzip; - is standard input. A file that was stopped half-way is continued."`
	importFlags `embed:""`
}

// Run imports the files one after the other.
func (c importJSONLCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(catalog *postgres.Catalog, run importRun) (rejected int64, err error) {
		for _, path := range c.Files {
			n, err := importFile(ctx, t, catalog, path, run)
			if err != nil {
				return rejected, err
			}
			rejected += n
		}
		return rejected, nil
	})
}

func importFile(ctx context.Context, t *terminal, catalog *postgres.Catalog, path string, run importRun) (rejected int64, err error) {
	f, err := jsonl.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	run.expected = func(movies int64) int64 {
		return extrapolated(movies, func() (int64, int64) { return f.Consumed(), f.Size })
	}
	return t.importSource(ctx, catalog, postgres.JSONL(f), run)
}

// importRun is how one source is imported.
type importRun struct {
	again    bool
	rejects  *json.Encoder            // nil for none
	expected func(movies int64) int64 // how many movies there will be, when so many have been read; 0 for unknown
}

// importSource imports one source and prints its summary.
func (t *terminal) importSource(ctx context.Context, catalog *postgres.Catalog, source postgres.Source, run importRun) (rejected int64, err error) {
	var bar *progress.Bar // from the first call of Progress on
	start, info := time.Now(), source.Info()
	totals, err := catalog.Import(ctx, source, postgres.ImportOptions{
		Again: run.again,
		Progress: func(n postgres.ImportTotals) {
			if bar == nil {
				bar = progress.Start(t.stderr, progress.Options{Name: "import " + info.Name, Unit: "movies", JSON: t.json, Done: n.Movies()})
			}
			bar.Set(n.Movies(), run.expected(n.Movies()))
		},
		Phase: func(name string) { fmt.Fprintf(bar, "first load: %s\n", name) },
		Rejected: func(r postgres.Rejection) {
			rejected++
			fmt.Fprintf(bar, "%s:%d: %v\n", r.File, r.Line, r.Err)
			if run.rejects != nil {
				_ = run.rejects.Encode(map[string]any{"file": r.File, "line": r.Line, "reason": r.Err.Error(), "text": r.Text})
			}
		},
	})
	if bar != nil {
		bar.Finish()
	}
	switch {
	case errors.Is(err, postgres.ErrAlreadyImported):
		return 0, t.printTotals(info.Name, totals, "already imported; --again imports it once more")
	case errors.Is(err, context.Canceled) && info.Fingerprint != nil:
		return rejected, fmt.Errorf("stopped behind line %d of %s; the same command goes on from there", totals.Lines, info.Name)
	case err != nil:
		return rejected, err
	}
	return rejected, t.printTotals(info.Name, totals, fmt.Sprintf("took %.1fs", time.Since(start).Seconds()))
}

// extrapolated is how many movies a file has if the rest is like what was read;
// 0 for unknown.
func extrapolated(movies int64, consumed func() (done, size int64)) int64 {
	if done, size := consumed(); size > 0 && done > 0 {
		return int64(float64(movies) * float64(size) / float64(done))
	}
	return 0
}

func (t *terminal) printTotals(file string, n postgres.ImportTotals, note string) error {
	if t.json {
		return t.printJSON(struct {
			File string `json:"file"`
			postgres.ImportTotals
			Note string `json:"note"`
		}{file, n, note})
	}
	_, err := fmt.Fprintf(t.stdout, "%s: %s: %s new, %s changed, %s as before, %s rejected; %s\n", file, counted(n.Lines, "line", "lines"),
		progress.Count(n.Created), progress.Count(n.Updated), progress.Count(n.Unchanged), progress.Count(n.Rejected), note)
	return err
}

// counted is "1 line" or "9,750 lines".
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return progress.Count(n) + " " + many
}
