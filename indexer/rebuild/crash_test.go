package rebuild

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestChildProcess is no test: it is the process that TestKilledAnywhere starts
// and that kills itself when the rebuild reaches the point it was told.
func TestChildProcess(t *testing.T) {
	told := os.Getenv(childVariable)
	if told == "" {
		t.Skip("only for child processes")
	}
	point, rest, _ := strings.Cut(told, "\n")
	r := connect(t, parseAddress(rest)).rebuilder("a process that dies at " + point)
	r.reached = func(at string) {
		if at == point {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	work := func() error { _, err := r.Run(t.Context(), defaults); return err }
	if point == "forgetting" {
		work = func() error { _, err := r.Repair(t.Context(), ""); return err }
	}
	if err := work(); err != nil {
		t.Fatal(err)
	}
}

// killedAt runs a rebuild in a process that is killed at the point.
func (e *env) killedAt(point string) {
	e.Helper()
	var out bytes.Buffer
	child := exec.CommandContext(e.Context(), os.Args[0], "-test.run=^TestChildProcess$", "-test.v")
	child.Env, child.Stdout, child.Stderr = environ(point, e.address), &out, &out
	err := child.Run()
	e.Logf("killed at %q:\n%s", point, out.String())
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		e.Fatalf("the process that should die at %q: %v\n%s", point, err, out.String())
	}
}

// TestKilledAnywhere kills one rebuild with SIGKILL at every boundary, one after
// the other, while writers write and an observer watches, and then lets it end.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(300)
	first := e.run()
	watch := e.observe()
	stop := e.writers()
	for _, point := range []string{
		"begin create", "index created", "offsets set", "end create",
		"chunk read", "chunk done", "end backfill", "end deletes", "end catch-up", "end verify", "feed held", "end swap",
	} {
		e.killedAt(point)
	}
	s := e.run()
	if !s.Resumed || s.Index == first.Index || e.reading() != s.Index {
		t.Errorf("got %+v", s)
	}
	stop()
	watch()
	e.wantSame(s.Index)
	e.wantSame(first.Index)
	indices, err := e.engine.Indices(t.Context(), e.indices+"movies-v*")
	if err != nil || len(indices) != 2 {
		t.Errorf("indices left behind: %v, %v", indices, err)
	}
}

// TestResumeRepeatsAtMostOneChunkPerWorker counts chunks over two runs.
func TestResumeRepeatsAtMostOneChunkPerWorker(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	const chunks = 12
	e.seed(chunks * testChunk)
	e.killedAt("chunk done")
	r := e.rebuilder("alice")
	read := make(chan struct{}, 100)
	r.reached = func(at string) {
		if at == "chunk read" {
			read <- struct{}{}
		}
	}
	s, err := r.Run(t.Context(), defaults)
	if err != nil {
		t.Fatal(err)
	}
	// One chunk at least was done; the last range is empty and counts as one.
	if n := len(read); n > chunks {
		t.Errorf("%d chunks were read after the resumption, of %d", n, chunks+1)
	}
	if s.Movies != chunks*testChunk || !s.Resumed {
		t.Errorf("got %+v", s)
	}
	e.wantSame(s.Index)
}

// TestRangesSurviveAnyInterruption takes and finishes chunks in any order, and
// stops at any point: what is remembered and what was finished make up all ids.
func TestRangesSurviveAnyInterruption(t *testing.T) {
	x := ranges{next: 30, again: []span{{0, 10}}, taken: []span{{10, 20}, {20, 30}}}
	x.finish(span{10, 20})
	if got, want := fmt.Sprint(x.open()), "[{0 10} {20 30}]"; got != want {
		t.Errorf("open: %s, want %s", got, want)
	}
	chunk, ok, err := x.take(t.Context())
	if !ok || err != nil || chunk != (span{0, 10}) {
		t.Errorf("take: %v %v %v, want the unfinished one first", chunk, ok, err)
	}
	if got, want := fmt.Sprint(x.open()), "[{20 30} {0 10}]"; got != want {
		t.Errorf("open: %s, want %s", got, want)
	}
}
