package simulate

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"movies/internal/mutant"
)

var (
	runs  = flag.Int("runs", 200, "seeds to run")
	first = flag.Uint64("seed", 1, "the first seed")
	tell  = flag.Bool("tell", false, "show what happens in each run")
)

func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)    // goroutines take turns, see the package comment
	debug.SetGCPercent(1000) // a run leaves little behind
	code := m.Run()
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "runs" { // a campaign was asked for
			fmt.Println(&campaign)
		}
	})
	os.Exit(code)
}

// A seed decides everything.
func TestRunsAreRepeatable(t *testing.T) {
	for seed := *first; seed < *first+10; seed++ {
		if a, b := play(t, seed, false), play(t, seed, false); a.Trace != b.Trace {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

// campaign sums up everything that was run.
var campaign summary

type summary struct{ runs, faults, differences, caught int }

// String is the last line of a campaign.
func (s *summary) String() string {
	return fmt.Sprintf("runs=%d faults=%d differences=%d mutants=%d/%d", s.runs, s.faults, s.differences, s.caught, len(mutant.All))
}

// play runs one seed on a clock of its own.
func play(t *testing.T, seed uint64, tell bool) (r Result) {
	var log func(string)
	if tell {
		log = func(line string) { fmt.Println(line) }
	}
	synctest.Test(t, func(*testing.T) { r = Run(seed, log) })
	return r
}

// atOnce is how many seeds make up a job.
const atOnce = 100

func TestSimulation(t *testing.T) {
	var jobs []job
	for done := 0; done < *runs; done += atOnce {
		jobs = append(jobs, job{First: *first + uint64(done), Runs: min(atOnce, *runs-done), Tell: *tell})
	}
	faults := make(map[string]int)
	for _, done := range runJobs(t, jobs) {
		for kind, n := range done.Faults {
			faults[kind] += n
			campaign.faults += n
		}
		campaign.runs += done.Runs
		campaign.differences += len(done.Differences)
		for _, d := range done.Differences {
			t.Error(d)
		}
	}
	t.Log(faults)
}
