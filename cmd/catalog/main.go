// Command catalog looks after the source of truth: it migrates the schema and
// brings movies in and out.
package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"syscall"

	"movies/internal/config"
	"movies/internal/postgres"
)

const description = `Looks after the catalogue in Postgres: migrates it, imports and exports movies.

Examples:

  export DATABASE_URL=postgres://postgres@127.0.0.1:5432/movies
  catalog migrate
  catalog import jsonl movies.jsonl.gz
  echo '{"title":"Solaris","year":1972}' | catalog import jsonl -
  catalog import imdb ./imdb
  catalog generate --movies 1000000 --seed 1
  catalog export jsonl --out movies.jsonl.gz`

// options is everything that can be set.
type options struct {
	DatabaseURL config.Secret `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"Postgres of the catalogue, as a libpq URL: postgres://user:password@host:5432/movies?sslmode=verify-full. Only generate --out needs none. [$DATABASE_URL]"`
	JSON        bool          `help:"Print results, and progress, as JSON lines."`

	Migrate migrateCommand `cmd:"" help:"Create the schema, or bring it up to date. Safe beside running services."`
	Import  struct {
		JSONL importJSONLCommand `cmd:"" name:"jsonl" help:"Import JSONL files: one movie a line."`
		IMDb  importIMDbCommand  `cmd:"" name:"imdb" help:"Import IMDb's non-commercial files as they come. What IMDb knows nothing of, such as overviews, stays."`
	} `cmd:"" help:"Bring movies in."`
	Generate generateCommand `cmd:"" help:"Make up movies that look real, the same ones for the same seed. Their ids are above 10,000,000."`
	Export   struct {
		JSONL exportCommand `cmd:"" name:"jsonl" help:"Write all movies as JSONL, in the order of ids."`
	} `cmd:"" help:"Write movies out."`
}

// terminal is what a command talks to.
type terminal struct {
	stdout, stderr io.Writer
	databaseURL    config.Secret
	json           bool
}

// database is the URL of the catalogue, or an error that says how to give it.
func (t *terminal) database() (string, error) {
	if err := (config.Postgres{DatabaseURL: t.databaseURL}).Validate(); err != nil {
		return "", &config.UsageError{Err: err}
	}
	return string(t.databaseURL), nil
}

// open opens the catalogue; the caller closes it.
func (t *terminal) open(ctx context.Context) (*postgres.Catalog, error) {
	url, err := t.database()
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, url)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("catalog", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	command, err := config.Parse("catalog", description, &o, args, stdout, stderr)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(&terminal{stdout: stdout, stderr: stderr, databaseURL: o.DatabaseURL, json: o.JSON})
}

// printJSON writes one line.
func (t *terminal) printJSON(v any) error { return json.NewEncoder(t.stdout).Encode(v) }
