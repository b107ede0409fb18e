package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"movies/indexer/rebuild"
	"movies/internal/config"
)

// call runs the command line as main does, with no terminal to ask.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("DATABASE_URL", "postgres://127.0.0.1:1/movies?connect_timeout=1")
	t.Setenv("KAFKA_BROKERS", "127.0.0.1:1")
	t.Setenv("SEARCH_URL", "http://127.0.0.1:1")
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	var out, errs bytes.Buffer
	err = run(context.Background(), args, stdin, &out, &errs)
	code = exit(err, slices.Contains(args, "--json"), &errs)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", 0, "reindex verify --repair"},
		{"run --help", 0, "--max-rate"},
		{"", 2, ""},
		{"completion bash", 0, "source"},
		{"completion -c bash", 0, "bashdefault"},
		{"runn", 2, "runn"},
		{"run --max-rate=-1", 2, "--max-rate"},
		{"run --shards=0", 2, "--shards"},
		{"dlq replay", 2, "--all"},
		{"dlq replay a --all", 2, "--all"},
		{"finalize --yes --search-url=nonsense", 2, "SEARCH_URL"},
		{"status", 1, "127.0.0.1:1"},
		{"run", 1, "127.0.0.1:1"},
		{"status --json", 1, `{"error":"`},
		{"verify --json --index", 2, `"exit_code":2}`},
	} {
		code, stdout, stderr := call(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("reindex %s: exit code %d, want %d, saying %q:\n%s%s", c.args, code, c.code, c.says, stdout, stderr)
		}
	}
}

// Null devices are character devices, as terminals are: the question is asked,
// and not being answered is a no.
func TestDangerousThingsWantAYes(t *testing.T) {
	for _, args := range []string{"rollback", "finalize", "rollback --discard", "dlq replay --all"} {
		if code, _, stderr := call(t, strings.Fields(args)...); code != 2 || !strings.Contains(stderr, "not confirmed") {
			t.Errorf("reindex %s without --yes: exit code %d, %s", args, code, stderr)
		}
	}
}

func TestDifferencesAreExitCode3(t *testing.T) {
	var out bytes.Buffer
	v := rebuild.Verification{Index: "movies-v1", Movies: 1000, Total: 30, Differences: []rebuild.Difference{
		{ID: 7, Kind: rebuild.Differs, Newer: "database", Fields: []string{"title", "year"}}, {Document: "abc", Kind: rebuild.Stray}}}
	if err := printVerification(&terminal{stdout: &out}, &v); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30 differ", "movie 7 (differs) in title, year, newer: database", `document "abc" (stray)`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
	if code := config.Exit("reindex", errors.Join(config.ErrDiffers), &out); code != 3 {
		t.Errorf("exit code %d", code)
	}
}
