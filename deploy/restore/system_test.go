//go:build restore

package restore

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	stackpom "movies/deploy/stack"
	"movies/internal/stack"
	"movies/internal/stack/supervisor"
)

// dir is the folder of the stack, in both of its lives.
var dir string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "movies-restore-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	dir = folder
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// system is the stack with the service's processes.
type system struct {
	*stack.Stack
	t       *testing.T
	api     string
	stopped bool
}

// open takes the folder; nothing runs yet.
func open(t *testing.T) *system {
	t.Helper()
	s := &system{t: t}
	var err error
	s.Stack, err = stack.Open(stack.Options{Dir: dir, POM: stackpom.POM, SearchHeap: 512, Report: func(line string) { fmt.Println(line) }})
	check(t, err)
	t.Cleanup(s.stop)
	return s
}

func (s *system) boot() {
	s.t.Helper()
	check(s.t, s.Boot(s.t.Context()))
	build := exec.CommandContext(s.t.Context(), "go", "build", "-o", dir+"/bin/", "movies/cmd/api", "movies/cmd/catalog", "movies/cmd/indexer", "movies/cmd/reindex", "movies/cmd/relay")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("build: %v\n%s", err, out)
	}
}

func (s *system) stop() {
	if s.stopped {
		return
	}
	s.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		s.t.Error(err)
	}
}

func (s *system) startProcesses() {
	s.t.Helper()
	for _, name := range []string{"relay", "indexer"} {
		s.start(name, "METRICS_ADDR", append(s.Env(), "PATH="+os.Getenv("PATH")))
	}
}

func (s *system) startAPI() {
	s.t.Helper()
	s.api = s.start("api", "HTTP_ADDR", []string{"SEARCH_URL=" + s.SearchURL, "RATE_LIMIT=off"})
	s.eventually("the api is ready", func() error { return s.mustAnswer(s.api + "/readyz") })
}

// start starts a command and gives the address it serves at.
func (s *system) start(name, address string, env []string) string {
	s.t.Helper()
	port, err := s.Port(name)
	check(s.t, err)
	at := "127.0.0.1:" + strconv.Itoa(port)
	check(s.t, s.Start(s.t.Context(), supervisor.Process{
		Name: name, Path: filepath.Join(dir, "bin", name), Env: append(env, address+"="+at),
		Ready: func(context.Context) error { return s.mustAnswer("http://" + at + "/healthz") },
	}))
	return "http://" + at
}

// command runs one of the service's commands.
func (s *system) command(name string, args ...string) ([]byte, error) {
	return s.commandOn(nil, name, args...)
}

func (s *system) commandOn(in []byte, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bin", name), args...)
	cmd.Env = append(s.Env(), "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	var complaints bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &complaints
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %v: %w: %s %s", name, args, err, out, complaints.String())
	}
	return out, err
}

func (s *system) run(name string, args ...string) []byte {
	s.t.Helper()
	return s.feed(nil, name, args...)
}

func (s *system) feed(in []byte, name string, args ...string) []byte {
	s.t.Helper()
	out, err := s.commandOn(in, name, args...)
	check(s.t, err)
	return out
}

// query asks the database for one value, on a connection of its own: the server
// may just have been restarted.
func query[T any](s *system, sql string) (value T, err error) {
	c, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		return value, err
	}
	defer func() { _ = c.Close(context.Background()) }()
	return value, c.QueryRow(s.t.Context(), sql).Scan(&value)
}

func (s *system) mustBe(sql string, want int64) error {
	got, err := query[int64](s, sql)
	if err == nil && got != want {
		err = fmt.Errorf("%s is %d, not %d", sql, got, want)
	}
	return err
}

func (s *system) exec(sql string) {
	s.t.Helper()
	c, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	check(s.t, err)
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Exec(s.t.Context(), sql)
	check(s.t, err)
}

func (s *system) status(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func (s *system) mustAnswer(url string) error {
	if status := s.status(url); status != http.StatusOK {
		return fmt.Errorf("%s: %d", url, status)
	}
	return nil
}

func (s *system) eventually(what string, condition func() error) {
	s.t.Helper()
	for end := time.Now().Add(4 * time.Minute); ; <-time.After(250 * time.Millisecond) {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("never: %s: %v", what, err)
		}
	}
}

// kill kills a server, which is started again.
func (s *system) kill(name string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "run", name+".pid"))
	check(s.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	check(s.t, err)
	check(s.t, syscall.Kill(pid, syscall.SIGKILL))
}
