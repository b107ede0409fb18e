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
	Dir        string   `name:"dir" env:"DEMO_TEST_DIR" default:".local/test" placeholder:"DIR" help:"Folder of the servers' data, logs and pid files; its data is removed at every start. [$$DEMO_TEST_DIR]"`
	SearchHeap int      `name:"search-heap" env:"DEMO_SEARCH_HEAP" default:"1024" placeholder:"MIB" help:"Heap of OpenSearch in MiB. [$$DEMO_SEARCH_HEAP]"`
	Command    []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Validate implements kong's validation.
func (c execCommand) Validate() error {
	if len(c.args()) == 0 {
		return errors.New("a command is missing after --, such as: demo exec -- go test")
	}
	return nil
}

// args is the command without the -- before it.
func (c execCommand) args() []string {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		return c.Command[1:]
	}
	return c.Command
}

// Run boots the servers and runs the command beside them.
func (c execCommand) Run(ctx context.Context) (err error) {
	servers, err := stack.Open(stack.Options{
		Dir:        c.Dir,
		POM:        stackpom.POM,
		SearchHeap: c.SearchHeap,
		Ephemeral:  true,
		Report:     func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(servers)) }()
	if err := servers.Boot(ctx); err != nil {
		return err
	}
	return c.run(ctx, servers.Env())
}

// run runs the command to its end; an interrupt is passed on to it.
func (c execCommand) run(ctx context.Context, servers []string) error {
	args := c.args()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = os.Environ()
	for _, variable := range servers {
		cmd.Env = append(cmd.Env, "TEST_"+variable)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

// stopTimeout bounds the graceful end of everything; after it comes SIGKILL.
const stopTimeout = 30 * time.Second

// stop ends every process of the stack.
func stop(s *stack.Stack) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return s.Stop(ctx)
}
