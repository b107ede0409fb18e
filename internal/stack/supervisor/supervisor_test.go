package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestRestartsWhatDies(t *testing.T) {
	t.Parallel()
	s, reports := newSupervisor(t, t.TempDir())
	start(t, s, shell("server", "exec sleep 100"))
	first := readPID(t, s, "server")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "a new process", func() bool { return readPID(t, s, "server") != first && running(readPID(t, s, "server")) })
	await(t, "both reports", func() bool {
		return reports.contains("server stopped by itself (signal: killed)") && reports.contains("server is back")
	})
}

func TestStopEndsInReverseOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := newSupervisor(t, dir)
	order := filepath.Join(dir, "order")
	for _, name := range []string{"one", "two", "three"} {
		p := shell(name, "trap 'echo "+name+" >> "+order+"; exit' TERM; echo up; while :; do sleep 0.05; done")
		p.Ready = logged(s, name, "up")
		start(t, s, p)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(order); string(got) != "three\ntwo\none\n" {
		t.Errorf("stopped in the order %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "run", "*.pid")); len(left) != 0 {
		t.Errorf("pid files left: %v", left)
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	s, _ := newSupervisor(t, t.TempDir())
	p := shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.05; done")
	p.Ready = logged(s, "stubborn", "up")
	p.StopTimeout = 100 * time.Millisecond
	start(t, s, p)
	pid := readPID(t, s, "stubborn")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if running(pid) {
		t.Errorf("process %d still runs", pid)
	}
}

func TestStartTellsWhyAProcessEnded(t *testing.T) {
	t.Parallel()
	s, _ := newSupervisor(t, t.TempDir())
	p := shell("broken", "echo no such port; exit 3")
	p.Ready = func(context.Context) error { return errors.New("not yet") }
	err := s.Start(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such port") {
		t.Errorf("got error %v, want the exit status and the last log line", err)
	}
	if _, err := os.Stat(s.pidFile("broken")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestStartGivesUpOnWhatIsNeverReady(t *testing.T) {
	t.Parallel()
	s, _ := newSupervisor(t, t.TempDir())
	p := shell("slow", "exec sleep 100")
	p.ReadyTimeout = 100 * time.Millisecond
	p.Ready = func(context.Context) error { return errors.New("still warming up") }
	if err := s.Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "still warming up") {
		t.Errorf("got error %v, want what Ready said last", err)
	}
}

func TestAFolderHasOneSupervisor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newSupervisor(t, dir)
	_, err := New(dir, func(string) {})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("got error %v, want ErrLocked with the owner's pid", err)
	}
}

func TestEndsTheLeftoversOfAKilledRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	leftover := orphan(t)
	record(t, dir, "server", leftover)
	_, reports := newSupervisor(t, dir)
	await(t, "the end of the leftover", func() bool { return !running(leftover.Pid) })
	if !reports.contains("ending server") {
		t.Error("no report of the leftover")
	}
}

func TestLeavesAnotherProcessOfTheSamePidAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := orphan(t)
	record(t, dir, "server", other)
	id := identity{PID: other.Pid, Started: "another boot/1", StopSignal: syscall.SIGKILL}
	data, _ := json.Marshal(id)
	if err := os.WriteFile(filepath.Join(dir, "run", "server.identity"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	newSupervisor(t, dir)
	if !running(other.Pid) {
		t.Error("a process that is not the recorded one was ended")
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "server.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale pid file is still there: %v", err)
	}
}

// TestKilledSupervisorLeavesNothing kills a supervisor in a process of its own,
// the helper below.
func TestKilledSupervisorLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper := exec.Command(os.Args[0], "-test.run=^TestHelperSupervisor$")
	helper.Env = append(os.Environ(), "SUPERVISOR_HELPER_DIR="+dir)
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "run", "server.pid")
	await(t, "the helper's process", func() bool { _, err := os.Stat(file); return err == nil })
	data, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	_ = helper.Process.Kill()
	_ = helper.Wait()
	newSupervisor(t, dir)
	await(t, "the end of the helper's process", func() bool { return !running(pid) })
}

func TestHelperSupervisor(t *testing.T) {
	dir := os.Getenv("SUPERVISOR_HELPER_DIR")
	if dir == "" {
		t.Skip("only runs as the process that TestKilledSupervisorLeavesNothing kills")
	}
	s, _ := newSupervisor(t, dir)
	start(t, s, shell("server", "exec sleep 100"))
	<-t.Context().Done() // it is killed before
}

func shell(name, script string) Process {
	return Process{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ()}
}

// logged is ready once the text is in the process's log.
func logged(s *Supervisor, name, text string) func(context.Context) error {
	return func(context.Context) error {
		if log, _ := os.ReadFile(s.LogFile(name)); !strings.Contains(string(log), text) {
			return errors.New("not in the log yet")
		}
		return nil
	}
}

func newSupervisor(t *testing.T, dir string) (*Supervisor, *lines) {
	t.Helper()
	var reports lines
	s, err := New(dir, reports.add)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, &reports
}

func start(t *testing.T, s *Supervisor, p Process) {
	t.Helper()
	if err := s.Start(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// orphan starts a process that no supervisor knows.
func orphan(t *testing.T) *os.Process {
	t.Helper()
	cmd := exec.Command("sleep", "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // so that it does not stay a zombie
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd.Process
}

// record writes what a supervisor of dir would have left behind.
func record(t *testing.T, dir, name string, process *os.Process) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Supervisor{dir: dir}
	if err := s.record(Process{Name: name}.withDefaults(), process.Pid); err != nil {
		t.Fatal(err)
	}
}

func readPID(t *testing.T, s *Supervisor, name string) int {
	t.Helper()
	data, err := os.ReadFile(s.pidFile(name))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func running(pid int) bool {
	_, err := startTime(pid)
	return err == nil
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// lines collects reports.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
}

func (l *lines) contains(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.text, "\n"), part)
}
