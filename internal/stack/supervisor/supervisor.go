// Package supervisor keeps local processes running: a log file and a pid file
// each, a restart when one dies, an orderly stop.
//
// What it promises:
//   - A folder has one supervisor at a time; a second one is refused.
//   - A process that dies is started again, after a pause that grows to 10 s.
//   - Stop ends the processes in the reverse order of their start, by their stop
//     signal and after a bound by SIGKILL. It leaves no pid file.
//   - When the supervisor itself is killed, the kernel ends its children (on
//     Linux), and the next supervisor of the folder ends what is left. It only
//     ever signals a process whose pid and start time are the recorded ones.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	leftoverTimeout = 10 * time.Second
	pollInterval    = 50 * time.Millisecond
)

// ErrLocked is wrapped by the error of New for a folder that has a supervisor.
var ErrLocked = errors.New("already in use")

// Supervisor runs the processes of one folder. Its methods may be called
// concurrently, Start for different names.
type Supervisor struct {
	dir    string
	report func(line string)
	lock   *os.File

	mu      sync.Mutex
	running []*worker // in the order of their start
	stopped bool
}

// New takes over the folder, which it makes when it is not there: log files go
// to dir/log, pid files to dir/run. It ends what a killed supervisor left there.
// report gets one line for every event a person should see; it may be called
// from several goroutines at once.
func New(dir string, report func(line string)) (*Supervisor, error) {
	for _, sub := range []string{"log", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{dir: dir, report: report, lock: lock}
	if err := s.endLeftovers(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// LogFile is where the output of the named process goes. The file of the run
// before is kept beside it with ".1" appended.
func (s *Supervisor) LogFile(name string) string { return filepath.Join(s.dir, "log", name+".log") }

// Start starts the process and returns when it is ready. When it ends before
// that, or is not ready in time, Start stops it and returns the reason with the
// last lines of its log. After Start has returned nil the process is restarted
// whenever it ends.
func (s *Supervisor) Start(ctx context.Context, p Process) error {
	w := &worker{
		supervisor: s,
		process:    p.withDefaults(),
		ready:      make(chan error, 1),
		stop:       make(chan struct{}),
		done:       make(chan struct{}),
	}
	if err := s.add(w); err != nil {
		return err
	}
	rotate(s.LogFile(p.Name))
	go w.run(ctx)
	err := <-w.ready
	if err == nil {
		return nil
	}
	<-w.done
	s.mu.Lock()
	s.running = slices.DeleteFunc(s.running, func(other *worker) bool { return other == w })
	s.mu.Unlock()
	return errors.Join(err, s.forget(p.Name))
}

// add registers the worker, before its process exists, so that Stop sees it.
func (s *Supervisor) add(w *worker) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("start %s: the supervisor has stopped", w.process.Name)
	}
	for _, other := range s.running {
		if other.process.Name == w.process.Name {
			return fmt.Errorf("start %s: a process of that name runs already", w.process.Name)
		}
	}
	s.running = append(s.running, w)
	return nil
}

// Stop ends every process, the last started first, and gives the folder free.
// A canceled context turns the graceful ends into kills. It may be called again.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.mu.Lock()
	again := s.stopped
	s.stopped = true
	running := slices.Clone(s.running)
	s.mu.Unlock()
	if again {
		return nil
	}
	var errs []error
	for _, w := range slices.Backward(running) {
		errs = append(errs, w.end(ctx))
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// rotate keeps the log of the run before.
func rotate(file string) {
	_ = os.Rename(file, file+".1")
}
