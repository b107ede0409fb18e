//go:build mutants

package simulate

import (
	"testing"

	"movies/internal/mutant"
)

// TestMutants builds faults into the service, one after the other, and runs seeds
// until one shows it.
func TestMutants(t *testing.T) {
	defer mutant.Set("")
	for _, fault := range mutant.All {
		mutant.Set(fault)
		if seed, found := caught(t); found != "" {
			campaign.caught++
			t.Logf("%s: caught by seed %d: %s", fault, seed, found)
		} else {
			t.Errorf("%s: not caught by %d seeds", fault, *runs)
		}
	}
}

// caught gives the first seed that finds a difference, and the difference.
func caught(t *testing.T) (seed uint64, found string) {
	for seed := *first; seed < *first+uint64(*runs); seed++ {
		if r := play(t, seed); len(r.Differences) > 0 {
			return seed, r.Differences[0]
		}
	}
	return 0, ""
}
