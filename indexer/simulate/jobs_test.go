package simulate

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sync/errgroup"

	"movies/internal/mutant"
)

// job is a range of seeds that a process of its own runs: one whose goroutines
// take turns uses one processor, and there are more.
type job struct {
	Fault mutant.Fault // to build in; "" for none
	First uint64
	Runs  int
	// Tell shows what happens in each run.
	Tell bool
}

// outcome is what a job has found. A job with a fault built in ends with the first
// seed that shows it.
type outcome struct {
	Runs        int
	Faults      map[string]int
	Differences []string
}

var told = flag.String("job", "", "for child processes: the job as JSON")

// TestJob is no test: it is the process that runs a job.
func TestJob(t *testing.T) {
	if *told == "" {
		t.Skip("only for child processes")
	}
	var j job
	if err := json.Unmarshal([]byte(*told), &j); err != nil {
		t.Fatal(err)
	}
	build(j.Fault)
	defer build("")
	done := outcome{Faults: make(map[string]int)}
	for seed := j.First; seed < j.First+uint64(j.Runs); seed++ {
		r := play(t, seed, j.Tell)
		done.Runs++
		for kind, n := range r.Faults {
			done.Faults[kind] += n
		}
		for _, d := range r.Differences {
			done.Differences = append(done.Differences, fmt.Sprintf("seed %d: %s", seed, d))
		}
		if j.Fault != "" && len(done.Differences) > 0 {
			break
		}
	}
	if err := json.NewEncoder(os.NewFile(3, "outcome")).Encode(done); err != nil {
		t.Fatal(err)
	}
}

// build builds a fault in, where that is possible.
var build = func(mutant.Fault) {}

// runJobs runs jobs on all processors and gives their outcomes in the same order.
func runJobs(t *testing.T, jobs []job) []outcome {
	t.Helper()
	outcomes := make([]outcome, len(jobs))
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i := range jobs {
		g.Go(func() (err error) {
			outcomes[i], err = jobs[i].run(t)
			if i%10 == 9 {
				t.Logf("%d of %d shares of the seeds are done", i+1, len(jobs))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// run runs the job in a process of its own. One that dies has found a difference.
func (j job) run(t *testing.T) (done outcome, err error) {
	raw, err := json.Marshal(j)
	if err != nil {
		return done, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return done, err
	}
	defer func() { _ = read.Close() }()
	var said bytes.Buffer
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestJob$", "-test.timeout=0", "-job="+string(raw))
	child.Stdout, child.Stderr, child.ExtraFiles = &said, &said, []*os.File{write}
	if j.Tell {
		child.Stdout = os.Stdout
	}
	err = child.Start()
	_ = write.Close()
	if err != nil {
		return done, err
	}
	undecoded := json.NewDecoder(read).Decode(&done)
	if err := child.Wait(); err != nil || undecoded != nil {
		died := fmt.Sprintf("the process of seeds %d to %d died: %v\n%s", j.First, j.First+uint64(j.Runs)-1, err, said.String())
		return outcome{Runs: j.Runs, Differences: []string{died}}, nil
	}
	return done, nil
}
