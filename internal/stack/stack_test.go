package stack

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestBoot boots the real servers twice in one folder: what they hold, and where
// they are, outlives the first stack, and a killed server comes back.
func TestBoot(t *testing.T) {
	if testing.Short() {
		t.Skip("boots real servers")
	}
	t.Parallel()
	pom, err := os.ReadFile("../../deploy/stack/pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Dir: t.TempDir(), POM: pom, SearchHeap: 256, Report: func(line string) { t.Log(line) }}

	t.Cleanup(func() {
		if err := Clean(options.Dir, func(string) {}); err != nil {
			t.Error(err)
		}
	})
	first := boot(t, options)
	query(t, first.DatabaseURL, "CREATE TABLE kept (id int)")
	query(t, first.AuthDatabaseURL, "SELECT 1")
	if _, err := Open(options); err == nil || !strings.Contains(err.Error(), "already in use") {
		t.Errorf("a second stack in the same folder: got error %v", err)
	}
	kill(t, first, "postgres")
	query(t, first.DatabaseURL, "SELECT * FROM kept")
	stop(t, first)

	second := boot(t, options)
	query(t, second.DatabaseURL, "SELECT * FROM kept")
	if got, want := strings.Join(second.Env(), " "), strings.Join(first.Env(), " "); got != want {
		t.Errorf("the servers moved: %s, were %s", got, want)
	}
	stop(t, second)
}

func boot(t *testing.T, options Options) *Stack {
	t.Helper()
	s, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	if err := s.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func stop(t *testing.T, s *Stack) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func kill(t *testing.T, s *Stack, name string) {
	t.Helper()
	data, err := os.ReadFile(s.options.Dir + "/run/" + name + ".pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// query runs the statement, trying again while the server comes back.
func query(t *testing.T, url, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		connection, err := pgx.Connect(ctx, url)
		if err == nil {
			_, err = connection.Exec(ctx, sql)
			_ = connection.Close(ctx)
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", sql, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
