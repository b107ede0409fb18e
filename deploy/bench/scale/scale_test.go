package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// demo says what the real one says, keeps a processor busy while it loads, and
// serves nothing itself. The first time it is stopped while it makes the index.
const demo = `#!/bin/sh
echo "   0.1 s  catalog: loading $DEMO_MOVIES made-up movies"
mkdir -p "$DEMO_DIR/run"
sh -c 'echo $$ >"$DEMO_DIR/run/postgres.pid"; i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; sleep 1'
echo "   1.0 s  relay: ready"
echo "   1.1 s  index: making the first one"
if [ ! -e "$DEMO_DIR/again" ]; then touch "$DEMO_DIR/again"; exit 1; fi
sleep 1
echo "   1.2 s  api: ready"
echo "   1.3 s  catalog: 10 of 1000 movies are searchable"
echo "   1.4 s  catalog: 1000 movies are searchable"
printf 'API_URL=%s\nSEARCH_URL=%s\n' "$TEST_SERVER" "$TEST_SERVER" >"$DEMO_DIR/env"
trap 'exit 0' TERM
while :; do sleep 0.1; done
`

func TestScale(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/_stats/store") {
			fmt.Fprint(w, `{"_all":{"primaries":{"store":{"size_in_bytes":2500000000}}}}`)
			return
		}
		fmt.Fprint(w, `{"items":[]}`)
	}))
	defer server.Close()
	t.Setenv("TEST_SERVER", server.URL)
	dir := t.TempDir()
	program, results := filepath.Join(dir, "demo"), filepath.Join(dir, "results.tsv")
	if err := os.WriteFile(program, []byte(demo), 0o700); err != nil {
		t.Fatal(err)
	}
	measure := func() (string, error) {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		err := run(ctx, []string{"--movies", "1000", "--dir", filepath.Join(dir, "data"), "--demo", program, "--questions", "1000", "--rate", "20", "--duration", "1s", "--results", results}, &out, &out)
		return out.String(), err
	}
	if out, err := measure(); err == nil || !strings.Contains(err.Error(), "ended before it served") {
		t.Fatalf("a demo that ends too early: %v\n%s", err, out)
	}
	out, err := measure()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	table, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	names, values := strings.Split(lines[0], "\t"), strings.Split(lines[len(lines)-1], "\t")
	if len(lines) != 2 || len(names) != len(values) {
		t.Fatalf("the table is\n%s", table)
	}
	for i, name := range names {
		got := values[i]
		switch name {
		case "movies":
			if got != "1000" {
				t.Errorf("%s: %s", name, got)
			}
		case "load": // both runs, of more than a second each
			if took, err := time.ParseDuration(got); err != nil || took < 2*time.Second {
				t.Errorf("%s: %s, %v", name, got, err)
			}
		case "load keeps busy":
			if !strings.HasPrefix(got, "postgres 0.") && !strings.HasPrefix(got, "postgres 1.") || strings.HasPrefix(got, "postgres 0.00") {
				t.Errorf("%s: %s", name, got)
			}
		case "index size":
			if got != "2.50 GB" {
				t.Errorf("%s: %s", name, got)
			}
		case "failed", "shed":
			if got != "0.00 %" {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}
