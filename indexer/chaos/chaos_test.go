//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
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
	runs  = flag.Int("runs", 3, "runs, of about a minute each")
	first = flag.Uint64("seed", 1, "the first run's seed")
	dir   = flag.String("dir", ".local/chaos", "folder of the servers; its data is removed")
)

// under is how long a run injects faults.
const under = 40 * time.Second

// campaign sums up all runs.
var campaign struct {
	runs, differences int
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
	fmt.Printf("runs=%d faults=%d differences=%d mutants=0/0\n", campaign.runs, total, campaign.differences)
	os.Exit(code)
}

func TestChaos(t *testing.T) {
	s := boot(t)
	for seed := *first; seed < *first+uint64(*runs); seed++ {
		s.run(seed)
	}
}

// run is one run: writers write, faults happen, and then everything is compared.
func (s *service) run(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, stop := context.WithCancel(s.t.Context())
	writing := s.write(ctx, seed)
	for end := time.Now().Add(under); time.Now().Before(end); {
		wait(500*time.Millisecond + time.Duration(random.Int64N(int64(5*time.Second))))
		f := faults[random.IntN(len(faults))]
		s.t.Logf("seed %d: %s", seed, f.kind)
		campaign.faults[f.kind]++
		f.inject(s, time.Duration(random.Int64N(int64(4*time.Second))))
	}
	stop()
	s.t.Logf("seed %d: %d transactions committed", seed, <-writing)
	s.heal()
	campaign.runs++
	v := s.verify()
	s.t.Logf("seed %d: %d movies compared, %d differences", seed, v.Movies, v.Differences)
	campaign.differences += v.Differences
	if v.Differences > 0 || v.Movies == 0 {
		s.t.Errorf("seed %d: %s", seed, v.List)
	}
}

// verification is what reindex verify --json answers.
type verification struct {
	Movies      int             `json:"movies"`
	Differences int             `json:"differences"`
	List        json.RawMessage `json:"list"`
}

// verify compares, as soon as everything has come up again.
func (s *service) verify() (v verification) {
	for end := time.Now().Add(3 * time.Minute); ; {
		output, err := s.command("reindex", "verify", "--json")
		code := exitCode(err)
		if code == 0 || code == 3 {
			if err := json.Unmarshal(output, &v); err != nil {
				s.t.Fatalf("reindex verify: %v: %s", err, output)
			}
			return v
		}
		if time.Now().After(end) {
			s.t.Fatalf("reindex verify does not succeed: %v\n%s", err, output)
		}
		wait(time.Second)
	}
}

// wait lets time pass: a fault's.
func wait(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // there is no condition to wait for
