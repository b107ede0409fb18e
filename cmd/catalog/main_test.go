package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"movies/internal/config"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

// outcome of one call of the command.
type outcome struct {
	stdout, stderr string
	err            error
	code           int
}

func call(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, &stdout, &stderr)
	code := config.Exit("catalog", err, &stderr)
	return outcome{stdout.String(), stderr.String(), err, code}
}

func file(t *testing.T, name string, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func expect(t *testing.T, what string, o outcome, code int, stdout, stderr string) {
	t.Helper()
	if o.code != code || !strings.Contains(o.stdout, stdout) || !strings.Contains(o.stderr, stderr) {
		t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit %d, %q, %q", what, o.code, o.stdout, o.stderr, code, stdout, stderr)
	}
}

func TestMigrateImportExport(t *testing.T) {
	t.Parallel()
	url := "--database-url=" + stacktest.Postgres(t)
	good := file(t, "good.jsonl", `{"id":7,"title":"Seven","year":1995}`, `{"id":8,"title":"8½"}`)
	expect(t, "import before migrate", call(t, url, "import", "jsonl", good), 1, "", "has no schema yet; run: catalog migrate")
	expect(t, "migrate", call(t, url, "migrate"), 0, "applied 00001_catalog.sql\n", "")
	expect(t, "migrate again", call(t, url, "migrate"), 0, "the schema is up to date\n", "")
	expect(t, "import", call(t, url, "import", "jsonl", good), 0, "good.jsonl: 2 lines: 2 new, 0 changed, 0 as before, 0 rejected; took ", "2 of 2 movies, 100 %")
	expect(t, "import twice", call(t, url, "import", "jsonl", good), 0, "already imported; --again imports it once more\n", "")
	expect(t, "import again", call(t, url, "import", "jsonl", "--again", good), 0, "0 new, 0 changed, 2 as before, 0 rejected", "")

	out := filepath.Join(t.TempDir(), "out.jsonl.gz")
	expect(t, "export to a file", call(t, url, "export", "jsonl", "--out", out), 0, "out.jsonl.gz: 2 movies\n", "")
	expect(t, "import of the export", call(t, url, "import", "jsonl", out), 0, "2 lines: 0 new, 0 changed, 2 as before", "")
	expect(t, "export", call(t, url, "export", "jsonl"), 0, `{"id":7,"title":"Seven","year":1995}`+"\n"+`{"id":8,"title":"8½"}`+"\n", "export: 2 movies")
	if left, _ := filepath.Glob(out + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestImportSaysWhichLinesAreWrong(t *testing.T) {
	t.Parallel()
	url := "--database-url=" + stacktest.PostgresMigrated(t, "catalog", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url)
		return err
	})
	bad := file(t, "bad.jsonl", `{"title":"x"}`, `{"titel":"y"}`, `{"title":"z","year":3000}`)
	rejects := filepath.Join(t.TempDir(), "rejects.jsonl")
	o := call(t, url, "import", "jsonl", bad, "--rejects", rejects)
	expect(t, "import", o, 1, "3 lines: 1 new, 0 changed, 0 as before, 2 rejected", "bad.jsonl:2: titel is not a field of a movie; the nearest is title\n")
	expect(t, "import", o, 1, "", "bad.jsonl:3: year must be from 1870 to 2100, not 3000\n")
	expect(t, "import", o, 1, "", "catalog: 2 lines were rejected; everything else is imported\n")
	text, err := os.ReadFile(rejects)
	if err != nil {
		t.Fatal(err)
	}
	var first struct {
		File, Reason, Text string
		Line               int
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&first); err != nil || first.Line != 2 || first.Text != `{"titel":"y"}` || first.File != bad || bytes.Count(text, []byte("\n")) != 2 {
		t.Errorf("rejects: %s (%v)", text, err)
	}
	o = call(t, url, "--json", "import", "jsonl", file(t, "more.jsonl", `{"title":"json"}`))
	var totals struct {
		File           string
		Created, Lines int
	}
	if err := json.Unmarshal([]byte(o.stdout), &totals); err != nil || totals.Created != 1 || totals.Lines != 1 || o.code != 0 {
		t.Errorf("--json: %q, %v", o.stdout, err)
	}
	for _, line := range strings.Split(strings.TrimSpace(o.stderr), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("--json: progress %q", line)
		}
	}
	expect(t, "a missing file", call(t, url, "import", "jsonl", "nowhere.jsonl"), 1, "", "nowhere.jsonl: no such file or directory")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	expect(t, "no database", call(t, "migrate"), 2, "", "--database-url")
	expect(t, "a bad database", call(t, "--database-url=foo", "migrate"), 2, "", "DATABASE_URL (--database-url) must be a libpq URL")
	expect(t, "no file", call(t, "--database-url=postgres://h/d", "import", "jsonl"), 2, "", "file")
	expect(t, "help", call(t, "--help"), 0, "catalog import jsonl movies.jsonl.gz", "")
	o := call(t, "--database-url=postgres://u:hunter2@127.0.0.1:1/d", "migrate")
	expect(t, "no Postgres", o, 1, "", `Postgres at 127.0.0.1:1 (database "d") cannot be used: connection refused`)
	if strings.Contains(o.stderr, "hunter2") || errors.Is(o.err, context.Canceled) {
		t.Errorf("stderr: %q", o.stderr)
	}
}
