package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// identity is what tells a process this supervisor started from another one
// that got the same pid later. It lies beside the pid file, which holds the
// number alone. The start time decides, not the command line: launchers replace
// theirs by exec, and two runs share theirs.
type identity struct {
	PID        int            `json:"pid"`
	Started    string         `json:"started"`
	StopSignal syscall.Signal `json:"stop_signal"`
}

// alive reports whether the very process, not only its number, still runs.
func (id identity) alive() bool {
	started, err := startTime(id.PID)
	return err == nil && started == id.Started
}

// record writes the pid file of the process and its identity.
func (s *Supervisor) record(p Process, pid int) error {
	started, err := startTime(pid)
	if err != nil {
		return nil //nolint:nilerr // it has ended already, which its worker is about to notice
	}
	id, err := json.Marshal(identity{PID: pid, Started: started, StopSignal: p.StopSignal})
	if err != nil {
		return err
	}
	if err := writeFile(s.identityFile(p.Name), id); err != nil {
		return err
	}
	return writeFile(s.pidFile(p.Name), []byte(strconv.Itoa(pid)+"\n"))
}

// forget removes the pid file of name and its identity.
func (s *Supervisor) forget(name string) error {
	return errors.Join(remove(s.pidFile(name)), remove(s.identityFile(name)))
}

func (s *Supervisor) pidFile(name string) string { return filepath.Join(s.dir, "run", name+".pid") }

func (s *Supervisor) identityFile(name string) string {
	return filepath.Join(s.dir, "run", name+".identity")
}

// endLeftovers ends what a killed supervisor of the same folder left running.
// The caller holds the folder's lock, so nothing recorded there has an owner.
func (s *Supervisor) endLeftovers() error {
	files, err := filepath.Glob(filepath.Join(s.dir, "run", "*.pid"))
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pid")
		wait.Go(func() { s.endLeftover(name) })
	}
	wait.Wait()
	var errs []error
	for _, file := range files {
		errs = append(errs, s.forget(strings.TrimSuffix(filepath.Base(file), ".pid")))
	}
	return errors.Join(errs...)
}

// endLeftover ends the process recorded as name if it is still that process.
func (s *Supervisor) endLeftover(name string) {
	var id identity
	data, err := os.ReadFile(s.identityFile(name))
	if err != nil || json.Unmarshal(data, &id) != nil || id.PID <= 1 || !id.alive() {
		return
	}
	s.report(fmt.Sprintf("ending %s (pid %d), left over from a run that was killed", name, id.PID))
	_ = syscall.Kill(id.PID, id.StopSignal)
	if !id.gone(leftoverTimeout) {
		_ = syscall.Kill(-id.PID, syscall.SIGKILL)
		id.gone(leftoverTimeout)
	}
}

// gone waits for the end of the process and reports whether it came in time.
func (id identity) gone(limit time.Duration) bool {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-poll.C {
		if !id.alive() {
			return true
		}
	}
	return false
}

// writeFile replaces the file in one step, so that no reader sees half of it.
func writeFile(name string, data []byte) error {
	if err := os.WriteFile(name+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// remove removes the file if it is there.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
