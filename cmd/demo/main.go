// Command demo runs the whole search service on one machine, on real servers
// that it fetches and boots itself, without containers.
//
//	demo exec -- CMD ARGS   runs a command beside empty servers of its own
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Exec execCommand `cmd:"" help:"Boot empty servers, run a command with their addresses in TEST_DATABASE_URL, TEST_KAFKA_BROKERS, TEST_SEARCH_URL and TEST_REDIS_URL, stop them, and exit like the command."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 done, 1 failed, 2 usage, or the code of the command of exec.
func run(ctx context.Context, args []string) int {
	syscall.Umask(0o022) // the servers' account must be able to read what this one writes
	var options cli
	parser := kong.Must(&options, kong.Name("demo"), kong.Description("The whole search service on one machine."))
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	return 0
}
