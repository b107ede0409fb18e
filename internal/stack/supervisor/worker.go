package supervisor

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// worker owns one process over all of its restarts.
type worker struct {
	supervisor *Supervisor
	process    Process
	ready      chan error    // the outcome of the first start, sent once
	stop       chan struct{} // closed by end
	done       chan struct{} // closed when the process is gone for good
	once       sync.Once
	hurry      context.Context // set before stop is closed; its end turns the stop into a kill
}

// run starts the process and keeps it running until told to stop. It keeps its
// thread: the kernel ties the parent-death signal to the thread that forked.
func (w *worker) run(ctx context.Context) {
	runtime.LockOSThread()
	defer close(w.done)
	c, err := w.launch(ctx)
	w.ready <- err
	if err != nil {
		return
	}
	var pause pause
	for {
		select {
		case <-w.stop:
			w.terminate(c)
			return
		case <-c.exited:
		}
		if c = w.revive(c, &pause); c == nil {
			return
		}
	}
}

// revive starts the process again after it has ended. It returns nil once the
// worker is told to stop.
func (w *worker) revive(old *child, pause *pause) *child {
	reason := old.state
	for {
		wait := pause.next()
		w.supervisor.report(fmt.Sprintf("%s stopped by itself (%s); starting it again", w.process.Name, reason))
		select {
		case <-w.stop:
			return nil
		case <-time.After(wait):
		}
		c, err := w.launch(context.Background())
		if err == nil {
			w.supervisor.report(fmt.Sprintf("%s is back (pid %d)", w.process.Name, c.process.Pid))
			return c
		}
		if w.stopping() {
			return nil
		}
		reason = err.Error()
	}
}

// launch starts the process once and waits until it is ready; otherwise it
// leaves nothing running.
func (w *worker) launch(ctx context.Context) (*child, error) {
	c, err := w.process.fork(w.supervisor.LogFile(w.process.Name))
	if err != nil {
		return nil, err
	}
	err = w.supervisor.record(w.process, c.process.Pid)
	if err == nil {
		err = w.awaitReady(ctx, c)
	}
	if err != nil {
		w.terminate(c)
		return nil, err
	}
	return c, nil
}

// awaitReady polls the process until it serves.
func (w *worker) awaitReady(ctx context.Context, c *child) error {
	p := w.process
	ctx, cancel := context.WithTimeout(ctx, p.ReadyTimeout)
	defer cancel()
	for {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		err := p.Ready(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pollInterval):
		case <-c.exited:
			return fmt.Errorf("%s ended before it was ready (%s)%s", p.Name, c.state, w.lastWords())
		case <-w.stop:
			return fmt.Errorf("%s was stopped before it was ready", p.Name)
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready in time: %w%s", p.Name, err, w.lastWords())
		}
	}
}

// terminate ends the child, gracefully while its bound and hurry allow, and
// waits until it is gone.
func (w *worker) terminate(c *child) {
	var hurry <-chan struct{}
	if w.stopping() {
		hurry = w.hurry.Done()
	}
	_ = c.process.Signal(w.process.StopSignal)
	select {
	case <-c.exited:
		return
	case <-time.After(w.process.StopTimeout):
	case <-hurry:
	}
	_ = syscall.Kill(-c.process.Pid, syscall.SIGKILL)
	<-c.exited
}

// end stops the process for good and forgets its pid.
func (w *worker) end(ctx context.Context) error {
	w.once.Do(func() {
		w.hurry = ctx
		close(w.stop)
	})
	<-w.done
	return w.supervisor.forget(w.process.Name)
}

func (w *worker) stopping() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// lastWords quotes the end of the log, where the reason usually is.
func (w *worker) lastWords() string {
	file := w.supervisor.LogFile(w.process.Name)
	return fmt.Sprintf("; the end of %s:\n%s", file, tail(file, 5))
}

// pause is the wait before a restart. It doubles while restarts follow each
// other and starts over once the process has held for a minute.
type pause struct {
	wait time.Duration
	last time.Time
}

func (p *pause) next() time.Duration {
	if p.wait == 0 || time.Since(p.last) > time.Minute {
		p.wait = 100 * time.Millisecond
	}
	p.wait = min(2*p.wait, 10*time.Second)
	p.last = time.Now()
	return p.wait
}
