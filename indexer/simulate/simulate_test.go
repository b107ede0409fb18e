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

// short is how many seeds the usual tests run.
const short = 200

var (
	runs  = flag.Int("runs", short, "seeds to run")
	first = flag.Uint64("seed", 1, "the first seed")
	tell  = flag.Bool("tell", false, "show what happens in each run")
)

func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)    // goroutines take turns, see the package comment
	debug.SetGCPercent(1000) // a run leaves little behind
	code := m.Run()
	if campaign.runs > 0 && *runs != short {
		fmt.Println(&campaign)
	}
	os.Exit(code)
}

// A seed decides everything.
func TestRunsAreRepeatable(t *testing.T) {
	for seed := *first; seed < *first+10; seed++ {
		if a, b := play(t, seed), play(t, seed); a.Trace != b.Trace {
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
func play(t *testing.T, seed uint64) (r Result) {
	var log func(string)
	if *tell {
		log = func(line string) { fmt.Println(line) }
	}
	synctest.Test(t, func(*testing.T) { r = Run(seed, log) })
	return r
}

func TestSimulation(t *testing.T) {
	faults := make(map[string]int)
	for seed := *first; seed < *first+uint64(*runs); seed++ {
		r := play(t, seed)
		for kind, n := range r.Faults {
			faults[kind] += n
			campaign.faults += n
		}
		campaign.runs++
		if campaign.runs%1000 == 0 {
			t.Logf("%d runs, %d differences", campaign.runs, campaign.differences)
		}
		campaign.differences += len(r.Differences)
		for _, d := range r.Differences {
			t.Errorf("seed %d: %s", seed, d)
		}
	}
	t.Log(faults)
}
