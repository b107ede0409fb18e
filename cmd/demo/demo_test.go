package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"movies/internal/config"
	"movies/internal/stack"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	failed := exec.CommandContext(t.Context(), "sh", "-c", "exit 7").Run()
	usage := &config.UsageError{Err: errors.New("wrong")}
	for _, test := range []struct {
		err  error
		want int
	}{{nil, 0}, {errors.New("broken"), 1}, {usage, 2}, {failed, 7}, {errors.Join(failed, errors.New("and more")), 7}} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("exit code %d for %v, want %d", got, test.err, test.want)
		}
	}
}

func TestUsageErrorsNameTheVariable(t *testing.T) {
	for _, test := range []struct{ variable, value string }{
		{"DEMO_HTTP_ADDR", "8080"},
		{"DEMO_CATALOG", filepath.Join(t.TempDir(), "missing.jsonl")},
		{"DEMO_CATALOG", t.TempDir()},
		{"RATE_LIMIT", "many"},
		{"RATE_LIMIT", "0"},
		{"RATE_LIMIT", "NaN"},
	} {
		variable := test.variable
		t.Run(variable+"="+test.value, func(t *testing.T) {
			t.Setenv("DEMO_DIR", t.TempDir())
			t.Setenv(variable, test.value)
			var out bytes.Buffer
			err := run(t.Context(), []string{"run"}, &out, &out)
			if err == nil || exitCode(err) != config.ExitUsage || !strings.Contains(err.Error(), variable) {
				t.Errorf("got %v, want a usage error that names %s", err, variable)
			}
		})
	}
}

func TestExecNeedsACommand(t *testing.T) {
	for _, args := range [][]string{{"exec"}, {"exec", "--"}} {
		t.Setenv("DEMO_TEST_DIR", t.TempDir())
		var out bytes.Buffer
		if err := run(t.Context(), args, &out, &out); exitCode(err) != config.ExitUsage {
			t.Errorf("%q: got %v, want a usage error", args, err)
		}
	}
}

// script puts a program of that name where the demo's commands are.
func script(t *testing.T, d *demo, name, body string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.bin, name), []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestAnImportIsRunOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		done         bool
	}{
		{"imported", "echo 'a.jsonl: 2 lines: 2 new, 0 changed, 0 as before, 0 rejected; took 0.1s'", true},
		{"with rejected lines", "echo 'a.jsonl: 2 lines: 1 new, 0 changed, 0 as before, 1 rejected; took 0.1s'; exit 1", true},
		{"failed", "echo 'catalog: Postgres cannot be used' >&2; exit 1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &demo{Stack: &stack.Stack{}, bin: t.TempDir()}
			calls := filepath.Join(d.bin, "calls")
			script(t, d, "catalog", "echo called >> "+calls+"\n"+test.script)
			if err := d.importFile(t.Context(), "a.jsonl"); (err == nil) != test.done {
				t.Errorf("got error %v, want done: %v", err, test.done)
			}
			if log, _ := os.ReadFile(calls); string(log) != "called\n" {
				t.Errorf("calls: %q, want one", log)
			}
		})
	}
}

func TestAChangedFileIsAnotherSource(t *testing.T) {
	t.Parallel()
	c := runCommand{Catalog: filepath.Join(t.TempDir(), "a.jsonl")}
	var names []string
	for _, content := range []string{"", "{}"} {
		if err := os.WriteFile(c.Catalog, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := c.source()
		if err != nil || !strings.Contains(name, c.Catalog) {
			t.Fatalf("got %q, %v, want the path in it", name, err)
		}
		names = append(names, name)
	}
	if names[0] == names[1] {
		t.Errorf("both contents are %s", names[0])
	}
}

func TestAnIndexThatStandsStillIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := func(context.Context) (int64, error) { return 100, nil }
		slow := int64(0)
		growing := func(context.Context) (int64, error) {
			time.Sleep(stalled - time.Second)
			slow += 50
			return slow, nil
		}
		still := func(context.Context) (int64, error) { return 7, nil }
		if err := (&demo{}).awaitEqual(t.Context(), stored, growing); err != nil {
			t.Errorf("got error %v while the index grew", err)
		}
		if err := (&demo{}).awaitEqual(t.Context(), stored, still); err == nil || !strings.Contains(err.Error(), "only 7 of 100") {
			t.Errorf("got error %v, want what is missing", err)
		}
	})
}

func TestATakenAddressIsOneSentence(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	d := &demo{runCommand: runCommand{HTTPAddr: listener.Addr().String()}}
	if _, err := d.publicAddr(t.Context()); err == nil || !strings.Contains(err.Error(), "DEMO_HTTP_ADDR") {
		t.Errorf("got error %v, want one that names DEMO_HTTP_ADDR", err)
	}
}

func TestCleanRemovesOnlyWhatDemosMake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"data/postgres", "log", "run", "bin", "test/run", "test/data", "mine"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := (cleanCommand{Dir: dir}).Run(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "mine" {
		t.Errorf("left %v, want only what is not the demo's", entries)
	}
}
