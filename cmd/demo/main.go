// Command demo runs the whole search service on one machine, on real servers
// that it fetches and boots itself, without containers.
//
//	demo run                everything, until it is interrupted
//	demo clean              removes what run has left
//	demo exec -- CMD ARGS   a command beside empty servers of its own
//	demo oidc               the OpenID provider, which run starts
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"movies/internal/config"
)

const description = `Runs the movie search service on this machine, on real servers that it fetches and boots itself.

Example, a second demo beside the first:

  DEMO_HTTP_ADDR=127.0.0.1:8081 DEMO_DIR=.local/second demo run`

type options struct {
	Run   runCommand   `cmd:"" help:"Run everything until interrupted."`
	Clean cleanCommand `cmd:"" help:"Remove the state of the demo."`
	Exec  execCommand  `cmd:"" help:"Boot empty servers, run a command with their addresses in TEST_DATABASE_URL, TEST_AUTH_DATABASE_URL, TEST_KAFKA_BROKERS, TEST_SEARCH_URL and TEST_REDIS_URL, stop them, and exit like the command."`
	OIDC  oidcCommand  `cmd:"" name:"oidc" help:"Serve the demo's OpenID provider."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	endWithMake()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(exitCode(err))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	syscall.Umask(0o022) // the servers' account must be able to read what this one writes
	var o options
	command, err := config.Parse("demo", description, &o, args, stdout, stderr)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run()
}

// exitCode is that of the command of exec, or the usual one.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	return config.Exit("demo", err, os.Stderr)
}
