package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	stackpom "movies/deploy/stack"
	"movies/internal/stack"
)

// execCommand lends empty servers to a command, such as the tests.
type execCommand struct {
	Dir        string   `help:"Folder for the servers' data, logs and pid files; its data is removed." default:".local/test" env:"DEMO_TEST_DIR" type:"path"`
	SearchHeap int      `help:"Heap of OpenSearch in MiB." default:"1024" env:"DEMO_SEARCH_HEAP"`
	Command    []string `arg:"" help:"Command to run, after --." passthrough:""`
}

// Run boots the servers and runs the command with their addresses.
func (c execCommand) Run(ctx context.Context) (err error) {
	servers, err := stack.Boot(ctx, stack.Options{
		Dir:        c.Dir,
		POM:        stackpom.POM,
		SearchHeap: c.SearchHeap,
		Ephemeral:  true,
		Report:     func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Stop(context.Background())) }()
	return c.run(ctx, servers)
}

// run runs the command to its end. An interrupt is passed on to it.
func (c execCommand) run(ctx context.Context, servers *stack.Stack) error {
	args := c.Command
	if args[0] == "--" {
		args = args[1:]
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = os.Environ()
	for _, variable := range servers.Env() {
		cmd.Env = append(cmd.Env, "TEST_"+variable)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}
