package supervisor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Process describes one program the supervisor keeps running.
type Process struct {
	// Name names the log and pid files; unique within a supervisor.
	Name string
	// Path is the program; Args are its arguments without the program's name.
	Path string
	Args []string
	// Env is the whole environment, as KEY=value. Nothing is inherited.
	Env []string
	// Dir is the working directory; empty means the supervisor's own.
	Dir string
	// Credential is the account the program runs as; nil means the supervisor's own.
	Credential *syscall.Credential
	// Ready reports nil once the program serves. It is polled; nil means ready at once.
	Ready func(ctx context.Context) error
	// ReadyTimeout bounds the wait for Ready; 0 means 60 s.
	ReadyTimeout time.Duration
	// StopSignal asks for a graceful end; 0 means SIGTERM.
	StopSignal syscall.Signal
	// StopTimeout bounds the graceful end, after it comes SIGKILL; 0 means 10 s.
	StopTimeout time.Duration
}

// withDefaults fills the fields whose zero value stands for a default.
func (p Process) withDefaults() Process {
	if p.Ready == nil {
		p.Ready = func(context.Context) error { return nil }
	}
	if p.ReadyTimeout == 0 {
		p.ReadyTimeout = time.Minute
	}
	if p.StopSignal == 0 {
		p.StopSignal = syscall.SIGTERM
	}
	if p.StopTimeout == 0 {
		p.StopTimeout = 10 * time.Second
	}
	return p
}

// child is one incarnation of a process.
type child struct {
	process *os.Process
	exited  chan struct{} // closed when it has ended and been reaped
	state   string        // how it ended; set before exited is closed
}

// fork starts the program with its output appended to the log file. The child
// leads its own process group: a Ctrl-C at the terminal reaches only the
// supervisor, and what the program starts in turn can be ended with it.
func (p Process) fork(logFile string) (*child, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	process, err := os.StartProcess(p.Path, append([]string{p.Path}, p.Args...), &os.ProcAttr{
		Dir:   p.Dir,
		Env:   p.Env,
		Files: []*os.File{nil, log, log},
		Sys:   childAttributes(p.Credential, p.StopSignal),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	c := &child{process: process, exited: make(chan struct{})}
	go c.reap()
	return c, nil
}

// reap waits for the end and takes along what is left of the process's group.
func (c *child) reap() {
	defer close(c.exited)
	if awaitExit(c.process.Pid) {
		_ = syscall.Kill(-c.process.Pid, syscall.SIGKILL)
	}
	state, err := c.process.Wait()
	if err != nil {
		c.state = err.Error()
		return
	}
	c.state = state.String()
}

// tail returns the last lines of a file, as many as there are in its last 4 KiB.
func tail(file string, lines int) string {
	f, err := os.Open(file)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	buffer := make([]byte, 4096)
	end, err := f.Seek(0, 2)
	if err != nil {
		return err.Error()
	}
	n, _ := f.ReadAt(buffer, max(0, end-int64(len(buffer))))
	all := strings.Split(string(bytes.TrimSpace(buffer[:n])), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
