package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"movies/internal/generate"
	"movies/internal/postgres"
)

type generateCommand struct {
	Movies int64  `required:"" placeholder:"N" help:"How many. Fewer movies are the beginning of more movies."`
	Seed   uint64 `required:"" placeholder:"S" help:"Which ones."`
	Out    string `placeholder:"FILE" help:"Write a file instead of into Postgres: a name ending in .gz compresses, - is standard output."`
	Format string `enum:"jsonl,imdb" default:"jsonl" help:"Format of --out: jsonl, or imdb, which writes IMDb's six files into the folder --out."`
	Again  bool   `help:"Import anew into Postgres what was generated there before. What has not changed is not written."`
}

// maxMovies keeps imdb_ids within ten digits.
const maxMovies = 900_000_000

// Validate implements kong's validation.
func (c generateCommand) Validate() error {
	if c.Movies < 1 || c.Movies > maxMovies {
		return fmt.Errorf("--movies must be from 1 to %d, not %d", maxMovies, c.Movies)
	}
	if c.Format == "imdb" && (c.Out == "" || c.Out == "-") {
		return errors.New("--format imdb writes several files: --out must name a folder for them")
	}
	return nil
}

// Run makes the movies. Into Postgres they go the way of every import, so that
// generating goes on where it was stopped.
func (c generateCommand) Run(ctx context.Context, t *terminal) error {
	switch {
	case c.Format == "imdb":
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return err
		}
		return t.report(c.Out, "generate", c.Movies, func(progress func(int64)) error {
			return generate.New(c.Seed).WriteIMDb(ctx, c.Out, c.Movies, progress)
		})
	case c.Out != "":
		return t.writeMovies(c.Out, "generate", c.Movies, func(out io.Writer, progress func(int64)) error {
			return generate.New(c.Seed).WriteJSONL(ctx, out, c.Movies, progress)
		})
	}
	catalog, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer catalog.Close()
	name := fmt.Sprintf("%d movies of seed %d", c.Movies, c.Seed)
	fingerprint := sha256.Sum256(fmt.Appendf(nil, "generated %s, format %d", name, generate.FormatVersion))
	source := postgres.Sequence(name, fingerprint[:], c.Movies, generate.New(c.Seed).Movie)
	rejected, err := t.importSource(ctx, catalog, source, importRun{again: c.Again, expected: func(int64) int64 { return c.Movies }})
	if err == nil && rejected > 0 {
		err = fmt.Errorf("%s refused by Postgres", counted(rejected, "movie was", "movies were"))
	}
	return err
}
