package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"movies/internal/config"
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
	for variable, value := range map[string]string{
		"DEMO_HTTP_ADDR": "8080",
		"DEMO_CATALOG":   filepath.Join(t.TempDir(), "missing.jsonl"),
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			var out bytes.Buffer
			err := run(t.Context(), []string{"run"}, &out, &out)
			if err == nil || exitCode(err) != config.ExitUsage || !strings.Contains(err.Error(), variable) {
				t.Errorf("got %v, want a usage error that names %s", err, variable)
			}
		})
	}
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
