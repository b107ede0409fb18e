package check

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// permitted are licences that ask for no more than being named, and MPL-2.0, which
// asks for changes to its own files only: there are none.
var permitted = []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Unlicense", "MPL-2.0"}

// TestLicences: every module in the commands is in the list, with a licence that is
// permitted.
func TestLicences(t *testing.T) {
	f, err := os.Open(filepath.Join(deploy, "licenses.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 20 {
		t.Fatalf("licenses.csv: %d rows, %v", len(rows), err)
	}
	listed := map[string]bool{}
	for _, row := range rows[1:] {
		listed[row[0]] = true
		for _, licence := range strings.Split(row[1], " and ") {
			if !slices.Contains(permitted, licence) {
				t.Errorf("%s is under %s: is that permitted?", row[0], licence)
			}
		}
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		if m != "movies" && !listed[m] {
			t.Errorf("%s is not in licenses.csv: run make licenses", m)
		}
	}
}
