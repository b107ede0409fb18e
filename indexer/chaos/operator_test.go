//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// operator rebuilds the index now and then.
type operator struct {
	*service
	mu      sync.Mutex
	running *exec.Cmd
	ended   chan struct{} // closed when running has
}

// begin starts to rebuild the index, unless a rebuild runs.
func (o *operator) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running != nil && !o.hasEnded() {
		return
	}
	_, _ = o.command("reindex", "finalize", "--yes") // of the rebuild before, if there is anything
	cmd := exec.CommandContext(o.t.Context(), filepath.Join(o.bin, "reindex"), "run")
	cmd.Env = o.env
	check(o.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // finish sees how it ends
	}()
	o.running, o.ended = cmd, ended
}

func (o *operator) hasEnded() bool {
	select {
	case <-o.ended:
		return true
	default:
		return false
	}
}

// kill kills the rebuild that runs, if one does.
func (o *operator) kill() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running != nil {
		_ = o.running.Process.Kill()
		<-o.ended
	}
}

// finish lets a rebuild end, and goes on with one that was killed or failed. It
// gives the differences for which the new index was not put in place.
func (o *operator) finish() (differences []string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running == nil {
		return nil
	}
	select {
	case <-o.ended:
	case <-time.After(2 * time.Minute):
		o.t.Fatal("reindex run does not end")
	}
	if !o.running.ProcessState.Success() {
		o.eventually("reindex run succeeds", 2*time.Minute, func() error {
			_, err := o.command("reindex", "run")
			if differ(err) {
				differences = []string{err.Error()}
				return nil
			}
			if err != nil { // it may have been killed before it had begun
				_, _ = o.command("reindex", "finalize", "--yes")
			}
			return err
		})
	}
	o.running = nil
	return differences
}

// differ tells whether a command has ended because of differences.
func differ(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 3
}

// command runs a command of the service to its end and gives what it prints.
func (s *service) command(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Env = s.env
	output, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output wraps nothing
		err = fmt.Errorf("%s %v: %w: %s", name, args, err, exit.Stderr)
	}
	return output, err
}
