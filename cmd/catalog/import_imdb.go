package main

import (
	"context"
	"errors"

	"movies/internal/imdb"
	"movies/internal/postgres"
)

type importIMDbCommand struct {
	Dir         string   `arg:"" placeholder:"DIR" help:"Where title.basics.tsv.gz, title.akas, title.ratings, title.crew, title.principals and name.basics are."`
	Types       []string `default:"movie,tvMovie" placeholder:"TYPE" help:"Which titles: values of the column titleType, by default movie and tvMovie."`
	importFlags `embed:""`
}

// Run imports the directory as one source.
func (c importIMDbCommand) Run(ctx context.Context, t *terminal) error {
	return c.run(ctx, t, func(catalog *postgres.Catalog, run importRun) (rejected int64, err error) {
		r, err := imdb.Open(c.Dir, c.Types)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		run.expected = func(movies int64) int64 { return extrapolated(movies, r.Consumed) }
		return t.importSource(ctx, catalog, postgres.IMDb(r), run)
	})
}
