//go:build protocol

package protocol

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"movies/internal/mutant"
)

//go:embed Sync.tla
var model []byte

// scope bounds the behaviours that are looked at, to what TLC gets through in
// seconds.
type scope struct {
	transactions string
	deletes      string
	faults       int
	rebuilds     string
}

var (
	// feed is for what happens between the database and one index.
	feed = scope{"{1, 2}", "{2}", 2, "FALSE"}
	// rebuild is for what happens while a second index is built.
	rebuild = scope{"{1, 2}", "{2}", 0, "TRUE"}
)

func TestProtocolHolds(t *testing.T) {
	for name, s := range map[string]scope{"feed": feed, "rebuild": rebuild} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			violated, output := s.check(t, "none")
			if violated != "" {
				t.Errorf("%s is violated:\n%s", violated, output)
			}
			t.Log(regexp.MustCompile(`\d+ states generated, \d+ distinct`).FindString(output))
		})
	}
}

// readBeforeVisible is a fault that only the model has: on real servers it takes
// luck to show, and package postgres provokes it.
const readBeforeVisible mutant.Fault = "read before visible"

func TestProtocolNeedsEveryPart(t *testing.T) {
	ofRebuild := []mutant.Fault{mutant.StaleChunk, mutant.SwapBeforeCatchUp, mutant.ExpiryForgotten}
	for _, fault := range append(slices.Clone(mutant.All), readBeforeVisible) {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := feed
			if slices.Contains(ofRebuild, fault) {
				s = rebuild
			}
			violated, output := s.check(t, fault)
			if violated == "" {
				t.Errorf("not found:\n%s", output)
			}
			t.Logf("%s is violated", violated)
		})
	}
}

// check has TLC look at all states, and gives the name of the first promise that
// it finds violated, or "" when it has seen all and found none.
func (s scope) check(t *testing.T, fault mutant.Fault) (violated, output string) {
	t.Helper()
	jar := os.Getenv("TLA2TOOLS")
	if jar == "" {
		t.Fatal("TLA2TOOLS is not set: run make protocol")
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"Sync.tla": model, "Sync.cfg": s.config(fault)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tlc := exec.CommandContext(t.Context(), "java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-cp", jar,
		"tlc2.TLC", "-deadlock", "-workers", "1", "-config", "Sync.cfg", "Sync.tla")
	tlc.Dir = dir
	raw, _ := tlc.CombinedOutput() // what it says tells more than how it exits
	output = string(raw)
	if found := regexp.MustCompile(`Invariant (\w+) is violated`).FindStringSubmatch(output); found != nil {
		return found[1], output
	}
	if !regexp.MustCompile(`No error has been found`).MatchString(output) {
		t.Fatalf("TLC:\n%s", output)
	}
	return "", output
}

func (s scope) config(fault mutant.Fault) []byte {
	return fmt.Appendf(nil, `SPECIFICATION Spec
CONSTANTS
  Tx = %s
  Deletes = %s
  MaxFaults = %d
  Rebuilds = %s
  Mutant = %q
INVARIANTS Truthful NothingLost Converged NeverBackwards
`, s.transactions, s.deletes, s.faults, s.rebuilds, string(fault))
}
