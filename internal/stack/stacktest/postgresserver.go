package stacktest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/stack/supervisor"
)

// PostgresServer is a server of the test's own, for tests that change settings
// of the whole server, stop it, or copy it. It runs the programs of the shared
// one. Its methods end the test when they fail.
type PostgresServer struct {
	// URL of the database postgres; its superuser needs no password.
	URL string
	// Dir holds the server's data.
	Dir string

	t    testing.TB
	bin  string
	port int
	// supervisor runs the server, and ends it when the test's process is killed.
	supervisor *supervisor.Supervisor
}

// NewPostgresServer starts a server, with the settings given as name=value beside
// those that the service needs. It is stopped and removed at cleanup.
func NewPostgresServer(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	s := postgresServer(t)
	s.run("initdb", "-D", s.Dir, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	s.configure(append([]string{"wal_level=logical", "fsync=off", "max_wal_senders=10", "shared_buffers=32MB",
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC"}, settings...)...)
	s.Start()
	return s
}

// postgresServer is a server that has no data yet.
func postgresServer(t testing.TB) *PostgresServer {
	t.Helper()
	bin, err := programs(t)
	if err != nil {
		t.Fatalf("find the programs of the shared Postgres: %v", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s := &PostgresServer{t: t, bin: bin, port: port, Dir: filepath.Join(ownFolder(t), "data"),
		URL: fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)}
	t.Cleanup(s.Kill)
	return s
}

// programs asks the shared server where its programs are.
func programs(t testing.TB) (bin string, err error) {
	connection, err := pgx.Connect(t.Context(), server(t, "TEST_DATABASE_URL"))
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(t.Context())) }()
	err = connection.QueryRow(t.Context(), "SELECT setting FROM pg_config WHERE name = 'BINDIR'").Scan(&bin)
	return bin, err
}

// ownFolder is a folder that the account of the server may use.
func ownFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postgres-server-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the server's data: %v", err)
		}
	})
	give(t, dir)
	return dir
}

// give makes a file or folder the server's own.
func give(t testing.TB, path string) {
	t.Helper()
	if c := credential(t); c != nil {
		if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// credential is the user nobody for root, whom Postgres refuses, and nil for
// anybody else.
func credential(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// Database creates a database and gives its URL.
func (s *PostgresServer) Database(name string) string {
	s.t.Helper()
	s.Exec("CREATE DATABASE " + pgx.Identifier{name}.Sanitize())
	u, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Exec runs one statement in the database postgres.
func (s *PostgresServer) Exec(sql string) {
	s.t.Helper()
	if err := execute(s.t.Context(), s.URL, sql); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// Set changes settings of the running server.
func (s *PostgresServer) Set(settings ...string) {
	s.t.Helper()
	s.configure(settings...)
	s.Exec("SELECT pg_reload_conf()")
}

// Start starts the server and waits until it serves. After Kill it waits for the
// server's sessions, which outlive it for a moment.
func (s *PostgresServer) Start() {
	s.t.Helper()
	var err error
	for range 50 {
		if err = s.tryStart(); err == nil || !strings.Contains(err.Error(), "shared memory block") {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *PostgresServer) tryStart() (err error) {
	if s.supervisor, err = supervisor.New(s.t.TempDir(), func(string) {}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.Kill()
		}
	}()
	return s.supervisor.Start(s.t.Context(), supervisor.Process{
		Name: "postgres", Path: filepath.Join(s.bin, "postgres"), Args: []string{"-D", s.Dir, "-p", strconv.Itoa(s.port)},
		Dir: os.TempDir(), Credential: credential(s.t), StopSignal: syscall.SIGINT,
		Ready: func(ctx context.Context) error { return execute(ctx, s.URL, "SELECT 1") },
	})
}

// Stop stops the server in good order; clients do not hold it up.
func (s *PostgresServer) Stop() {
	s.t.Helper()
	s.end(context.WithoutCancel(s.t.Context()))
}

// Kill stops the server as a crash does.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	s.end(ctx)
}

func (s *PostgresServer) end(ctx context.Context) {
	s.t.Helper()
	if s.supervisor == nil {
		return
	}
	if err := s.supervisor.Stop(ctx); err != nil {
		s.t.Error(err)
	}
	s.supervisor = nil
}

// Copy copies the stopped server's files, for Restore, to a new folder.
func (s *PostgresServer) Copy() (dir string) {
	s.t.Helper()
	dir = filepath.Join(ownFolder(s.t), "data")
	s.command("cp", "-a", s.Dir, dir)
	return dir
}

// Restore replaces the stopped server's files by a copy.
func (s *PostgresServer) Restore(dir string) {
	s.t.Helper()
	if err := os.RemoveAll(s.Dir); err != nil {
		s.t.Fatal(err)
	}
	s.command("cp", "-a", dir, s.Dir)
}

// Standby starts a second server that follows this one, from a copy of the
// running server's files.
func (s *PostgresServer) Standby() *PostgresServer {
	s.t.Helper()
	standby := postgresServer(s.t)
	connection, err := pgx.Connect(s.t.Context(), s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(s.t.Context())) }()
	if _, err := connection.Exec(s.t.Context(), "SELECT pg_backup_start('standby', true)"); err != nil {
		s.t.Fatal(err)
	}
	s.command("cp", "-a", s.Dir, standby.Dir)
	var label string
	if err := connection.QueryRow(s.t.Context(), "SELECT labelfile FROM pg_backup_stop(false)").Scan(&label); err != nil {
		s.t.Fatal(err)
	}
	for name, content := range map[string]string{"backup_label": label, "standby.signal": ""} {
		file := filepath.Join(standby.Dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
		give(s.t, file)
	}
	s.command("rm", "-rf", filepath.Join(standby.Dir, "postmaster.pid"), filepath.Join(standby.Dir, "pg_replslot"))
	s.command("mkdir", "-m", "700", filepath.Join(standby.Dir, "pg_replslot"))
	standby.configure("primary_conninfo=host=127.0.0.1 port="+strconv.Itoa(s.port)+" user=postgres dbname=postgres", "hot_standby_feedback=on")
	standby.Start()
	return standby
}

// Promote makes a standby the primary of a new timeline.
func (s *PostgresServer) Promote() {
	s.t.Helper()
	s.run("pg_ctl", "promote", "--wait", "-D", s.Dir)
}

func (s *PostgresServer) configure(settings ...string) {
	s.t.Helper()
	file, err := os.OpenFile(filepath.Join(s.Dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if _, err := fmt.Fprintf(file, "%s = '%s'\n", name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// run runs a program of Postgres as the server's account.
func (s *PostgresServer) run(program string, args ...string) {
	s.t.Helper()
	s.command(filepath.Join(s.bin, program), args...)
}

func (s *PostgresServer) command(path string, args ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(s.t)}
	if said, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %s: %v: %s", filepath.Base(path), strings.Join(args, " "), err, said)
	}
}
