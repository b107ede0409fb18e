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
)

const description = `Looks after the catalogue in Postgres: migrates it, imports and exports movies.

Examples:

  export DATABASE_URL=postgres://postgres@127.0.0.1:5432/movies
  catalog migrate
  catalog import jsonl movies.jsonl.gz
  echo '{"title":"Solaris","year":1972}' | catalog import jsonl -
  catalog export jsonl --out movies.jsonl.gz`

// options is everything that can be set.
type options struct {
	config.Postgres `embed:""`
	JSON            bool `help:"Print results, and progress, as JSON lines."`

	Migrate migrateCommand `cmd:"" help:"Create the schema, or bring it up to date. Safe beside running services."`
	Import  struct {
		JSONL importCommand `cmd:"" name:"jsonl" help:"Import JSONL files: one movie a line."`
	} `cmd:"" help:"Bring movies in."`
	Export struct {
		JSONL exportCommand `cmd:"" name:"jsonl" help:"Write all movies as JSONL, in the order of ids."`
	} `cmd:"" help:"Write movies out."`
}

// terminal is what a command talks to.
type terminal struct {
	stdout, stderr io.Writer
	databaseURL    string
	json           bool
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
	return command.Run(&terminal{stdout: stdout, stderr: stderr, databaseURL: string(o.DatabaseURL), json: o.JSON})
}

// printJSON writes one line.
func (t *terminal) printJSON(v any) error { return json.NewEncoder(t.stdout).Encode(v) }
