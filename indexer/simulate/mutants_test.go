//go:build mutants

package simulate

import (
	"testing"

	"movies/internal/mutant"
)

func init() { build = mutant.Set }

// TestMutants builds faults into the service, one after the other, and runs seeds
// until one shows it.
func TestMutants(t *testing.T) {
	var jobs []job
	for _, fault := range mutant.All {
		jobs = append(jobs, job{Fault: fault, First: *first, Runs: *runs})
	}
	for i, done := range runJobs(t, jobs) {
		if len(done.Differences) == 0 {
			t.Errorf("%s: not caught by %d seeds", jobs[i].Fault, *runs)
			continue
		}
		campaign.caught++
		t.Logf("%s: caught by %s", jobs[i].Fault, done.Differences[0])
	}
}
