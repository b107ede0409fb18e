// Command reindex is the operator's tool for the search indices: it builds a new
// one from the database while everything runs, proves it, puts it in place, takes
// that back, and looks after what could not be indexed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"movies/indexer/rebuild"
	"movies/internal/config"
)

const description = `Builds search indices from the catalogue, proves them, and puts them in place.

Nothing is interrupted: writes go on, reads go on, and no reader sees a movie go backwards. A run
that was stopped or killed is gone on with by the same command.

Examples:

  export DATABASE_URL=postgres://postgres@127.0.0.1:5432/movies
  export KAFKA_BROKERS=127.0.0.1:9092 SEARCH_URL=http://127.0.0.1:9200
  reindex run --dry-run
  reindex run --max-rate 2000
  reindex verify --repair
  reindex rollback --yes
  reindex finalize --yes

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 differences found.`

// options is everything that can be set.
type options struct {
	JSON bool `help:"Print results on standard output, and progress on standard error, as JSON lines."`

	Run      runCommand      `cmd:"" help:"Build a new index, verify it, and put it in place; the old one stays fed until finalize."`
	Status   statusCommand   `cmd:"" help:"Show every index, what reads and feeds it, and who is at work."`
	Verify   verifyCommand   `cmd:"" help:"Compare an index with the database, document by document, while both are in use."`
	Rollback rollbackCommand `cmd:"" help:"Make the previous index answer again."`
	Finalize finalizeCommand `cmd:"" help:"Retire the index that is kept for a rollback."`
	DLQ      struct {
		List   listCommand   `cmd:"" help:"List them, oldest first."`
		Show   showCommand   `cmd:"" help:"Show one, with its original bytes."`
		Replay replayCommand `cmd:"" help:"Publish them again; an index that holds something newer refuses them."`
	} `cmd:"" name:"dlq" help:"Look after changes that could not be applied (dead letters)."`
	Completion kongcompletion.Completion `cmd:"" help:"Print the shell code that switches tab completion on."`
}

// terminal is what a command talks to.
type terminal struct {
	stdin          *os.File
	stdout, stderr io.Writer
	json           bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(exit(err, slices.Contains(os.Args[1:], "--json"), os.Stderr))
}

// exit gives the exit code and prints the error, with --json as a JSON line.
func exit(err error, asJSON bool, stderr io.Writer) int {
	if !asJSON {
		return config.Exit("reindex", err, stderr)
	}
	code := config.Exit("reindex", err, io.Discard)
	if code == config.ExitOK {
		return code
	}
	line := struct {
		Error    string `json:"error"`
		ExitCode int    `json:"exit_code"`
		// Operator at work, and since when, if that is why.
		Operator string    `json:"operator,omitempty"`
		Command  string    `json:"command,omitempty"`
		Since    time.Time `json:"since,omitzero"`
	}{Error: err.Error(), ExitCode: code}
	var held *rebuild.HeldError
	if errors.As(err, &held) {
		line.Operator, line.Command, line.Since = held.Operator, held.Command, held.Since
	}
	_ = json.NewEncoder(stderr).Encode(line) // nobody is left to tell
	return code
}

func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) error {
	var o options
	completion := kong.PostBuild(func(k *kong.Kong) error {
		kongcompletion.Register(k, kongcompletion.WithExitFunc(os.Exit)) // when a shell asks what to suggest, nothing is opened yet
		return nil
	})
	command, err := config.Parse("reindex", description, &o, args, stdout, stderr, completion)
	if err != nil {
		return err
	}
	command.Exit = func(int) {} // the completion command asks for it; main alone ends the process
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(&terminal{stdin: stdin, stdout: stdout, stderr: stderr, json: o.JSON})
}

// print writes a result: as JSON, or in words.
func (t *terminal) print(v any, words func()) error {
	if t.json {
		return json.NewEncoder(t.stdout).Encode(v)
	}
	words()
	return nil
}

// confirm asks before something that cannot easily be taken back. Where nobody
// can be asked, --yes is required.
func (t *terminal) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	info, err := t.stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &config.UsageError{Err: fmt.Errorf("%s Nobody can be asked here: say --yes", question)}
	}
	fmt.Fprintf(t.stderr, "%s [y/N] ", question)
	var answer string
	if _, err := fmt.Fscanln(t.stdin, &answer); err != nil || answer != "y" && answer != "yes" {
		return &config.UsageError{Err: fmt.Errorf("not confirmed, nothing was done")}
	}
	return nil
}

// operator says who is at work, for others to read.
func operator() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	return fmt.Sprintf("%s on %s (process %d)", name, host, os.Getpid())
}
