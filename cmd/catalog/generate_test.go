package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

// newDatabase is the flag that names a migrated database of the test's own.
func newDatabase(t *testing.T) string {
	t.Helper()
	return "--database-url=" + stacktest.PostgresMigrated(t, "catalog", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url)
		return err
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is generated, imported and exported is the same bytes, whichever way it
// went into Postgres.
func TestGenerateImportExport(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "made.jsonl")
	expect(t, "generate to a file", call(t, "generate", "--movies=3000", "--seed=5", "--out", out), 0, "made.jsonl: 3,000 movies\n", "3,000 of 3,000 movies, 100 %")
	made := read(t, out)

	imported := newDatabase(t)
	expect(t, "import", call(t, imported, "import", "jsonl", out), 0, "3,000 lines: 3,000 new, 0 changed, 0 as before, 0 rejected", "")
	if got := call(t, imported, "export", "jsonl").stdout; got != made {
		t.Error("the export of what was generated and imported differs from what was generated")
	}
	direct := newDatabase(t)
	expect(t, "generate fewer", call(t, direct, "generate", "--movies=1500", "--seed=5"), 0, "1500 movies of seed 5: 1,500 lines: 1,500 new", "")
	expect(t, "generate all", call(t, direct, "generate", "--movies=3000", "--seed=5"), 0, "1,500 new, 0 changed, 1,500 as before, 0 rejected", "")
	expect(t, "generate once more", call(t, direct, "generate", "--movies=3000", "--seed=5"), 0, "already imported; --again imports it once more", "")
	if got := call(t, direct, "export", "jsonl").stdout; got != made {
		t.Error("the export of what was generated into Postgres differs from what is generated into a file")
	}
}

func TestGenerateWritesAnywhere(t *testing.T) {
	t.Parallel()
	o := call(t, "generate", "--movies=2", "--seed=1", "--out=-")
	expect(t, "to standard output", o, 0, `{"id":10000001,`, "generate: 2 of 2 movies")
	if strings.Count(o.stdout, "\n") != 2 {
		t.Errorf("standard output: %s", o.stdout)
	}
	expect(t, "to a device", call(t, "generate", "--movies=2", "--seed=1", "--out=/dev/null"), 0, "/dev/null: 2 movies\n", "")
	expect(t, "into a missing folder", call(t, "generate", "--movies=2", "--seed=1", "--out=nowhere/x.jsonl"), 1, "", "nowhere")
	expect(t, "none", call(t, "generate", "--movies=0", "--seed=1", "--out=-"), 2, "", "--movies must be from 1 to 900000000, not 0")
	expect(t, "no database", call(t, "generate", "--movies=1", "--seed=1"), 2, "", "DATABASE_URL (--database-url) must be")
}
