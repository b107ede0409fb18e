//go:build chaos

package chaos

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"movies/internal/mutant"
)

var (
	runs   = flag.Int("runs", 3, "runs, of about two minutes each")
	first  = flag.Uint64("seed", 1, "the first run's seed")
	defect = flag.String("mutant", "", "faults to build into the service, one after the other, which the runs must find: names of package mutant with commas between them, or all")
	dir    = flag.String("dir", ".local/chaos", "folder of the servers; its data is removed")
)

// under is how long a run injects faults: long enough for each kind to come once.
const under = 70 * time.Second

// campaign sums up all runs.
var campaign struct {
	runs, differences int
	caught, mutants   int
	faults            map[string]int
}

func TestMain(m *testing.M) {
	flag.Parse()
	campaign.faults = make(map[string]int)
	code := m.Run()
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(campaign.faults)) {
		fmt.Printf("%s: %d\n", kind, campaign.faults[kind])
		total += campaign.faults[kind]
	}
	fmt.Printf("seeds %d to %d; one again: make chaos RUNS=1 SEED=n\n", *first, *first+uint64(*runs)-1)
	fmt.Printf("runs=%d faults=%d differences=%d mutants=%d/%d\n", campaign.runs, total, campaign.differences, campaign.caught, campaign.mutants)
	os.Exit(code)
}

func TestChaos(t *testing.T) {
	faults := defects(t)
	if len(faults) == 0 {
		s := boot(t, "")
		for seed := range seeds {
			differences := s.run(seed)
			campaign.differences += len(differences)
			for _, d := range differences {
				t.Errorf("seed %d: %s", seed, d)
			}
		}
	}
	campaign.mutants = len(faults)
	for _, fault := range faults {
		t.Run(string(fault), func(t *testing.T) { mustBeCaught(t, fault) })
	}
}

// mustBeCaught runs seeds with a fault built in until one shows it.
func mustBeCaught(t *testing.T, fault mutant.Fault) {
	s := boot(t, fault)
	for seed := range seeds {
		if differences := s.run(seed); len(differences) > 0 {
			campaign.caught++
			t.Logf("%s: caught by seed %d: %s", fault, seed, differences[0])
			return
		}
	}
	t.Errorf("%s: not caught by %d seeds", fault, *runs)
}

// seeds are those that were asked for.
func seeds(yield func(uint64) bool) {
	for seed := *first; seed < *first+uint64(*runs) && yield(seed); seed++ {
	}
}

// defects are the faults that were asked for.
func defects(t *testing.T) (faults []mutant.Fault) {
	switch *defect {
	case "":
		return nil
	case "all":
		return mutant.All
	}
	for name := range strings.SplitSeq(*defect, ",") {
		fault := mutant.Fault(strings.TrimSpace(name))
		if !slices.Contains(mutant.All, fault) {
			t.Fatalf("MUTANT: there is no fault %q; there are: %v", fault, mutant.All)
		}
		faults = append(faults, fault)
	}
	return faults
}

// run is one run: writers write, faults happen, and then everything is compared.
func (s *service) run(seed uint64) (differences []string) {
	campaign.runs++
	began := time.Now()
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	writing := s.write(ctx, seed)
	for due := deck(random); time.Since(began) < under; due = due[1:] {
		if len(due) == 0 {
			due = deck(random)
		}
		wait(time.Duration(random.Int64N(int64(3 * time.Second))))
		s.t.Logf("seed %d, %2.0f s: %s", seed, time.Since(began).Seconds(), due[0].kind)
		campaign.faults[due[0].kind]++
		due[0].inject(s, time.Duration(random.Int64N(int64(4*time.Second))))
	}
	stop()
	s.t.Logf("seed %d: %d transactions committed", seed, <-writing)
	differences = append(s.heal(), s.compare()...)
	s.t.Logf("seed %d: %d differences; %.0f s", seed, len(differences), time.Since(began).Seconds())
	return differences
}

// deck gives all faults in a drawn order.
func deck(random *rand.Rand) []fault {
	due := slices.Clone(faults)
	random.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	return due
}

// wait lets time pass: a fault's.
func wait(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // there is no condition to wait for

// eventually waits until the condition is nil.
func (s *service) eventually(what string, patience time.Duration, condition func() error) {
	s.t.Helper()
	for end := time.Now().Add(patience); ; wait(500 * time.Millisecond) {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
	}
}
