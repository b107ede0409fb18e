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
	"testing"
	"time"
)

var (
	runs   = flag.Int("runs", 3, "runs, of about two minutes each")
	first  = flag.Uint64("seed", 1, "the first run's seed")
	defect = flag.String("mutant", "", "a fault to build into the service, which the runs must find; see package mutant")
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
	s := boot(t)
	if *defect != "" {
		campaign.mutants = 1
	}
	for seed := *first; seed < *first+uint64(*runs) && campaign.caught == 0; seed++ {
		differences := s.run(seed)
		campaign.runs++
		switch {
		case *defect == "":
			campaign.differences += len(differences)
			for _, d := range differences {
				t.Errorf("seed %d: %s", seed, d)
			}
		case len(differences) > 0:
			campaign.caught = 1
			t.Logf("%s: caught by seed %d: %s", *defect, seed, differences[0])
		}
	}
	if campaign.caught < campaign.mutants {
		t.Errorf("%s: not caught by %d runs", *defect, campaign.runs)
	}
}

// run is one run: writers write, faults happen, and then everything is compared.
func (s *service) run(seed uint64) (differences []string) {
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
