package stack

import (
	"context"
	"encoding/binary"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// superuser owns the databases of the stack.
const superuser = "postgres"

func (s *Stack) startPostgres(ctx context.Context) error {
	programs, err := s.store.Fetch(ctx, artifact.Postgres)
	if err != nil {
		return err
	}
	data := filepath.Join(s.data, "postgres")
	if _, err := os.Stat(data); errors.Is(err, os.ErrNotExist) {
		if err := s.initPostgres(ctx, programs, data); err != nil {
			return err
		}
	}
	ports, err := s.serve(ctx, []string{"postgres"}, func(ports []int) (supervisor.Process, error) {
		return s.postgresProcess(programs, data, ports[0]), nil
	})
	if err != nil {
		return err
	}
	s.DatabaseURL = s.databaseURL(ports[0], "movies")
	s.AuthDatabaseURL = s.databaseURL(ports[0], "auth")
	return nil
}

func (s *Stack) databaseURL(port int, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.state.Password),
		Host:     loopback(port),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// initPostgres makes the cluster and its databases, beside the final folder, so
// that an interrupted attempt leaves nothing that looks done. The builtin
// C.UTF-8 locale sorts by code point and knows the case of every script, the
// same on every system.
func (s *Stack) initPostgres(ctx context.Context, programs, data string) error {
	fresh := data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	password := filepath.Join(s.temp(), "password")
	if err := s.account.writeFile(password, s.state.Password); err != nil {
		return err
	}
	s.report("postgres: making its data folder")
	err := s.run(ctx, "", filepath.Join(programs, "bin", "initdb"), "-D", fresh,
		"--username="+superuser, "--pwfile="+password, "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync")
	if err := errors.Join(err, os.Remove(password)); err != nil {
		return err
	}
	err = s.run(ctx, "CREATE DATABASE movies;\nCREATE DATABASE auth;\n",
		filepath.Join(programs, "bin", "postgres"), "--single", "-D", fresh, "postgres")
	if err != nil {
		return err
	}
	return os.Rename(fresh, data)
}

// postgresProcess is the server: logical decoding on, room for tests that run in
// parallel, and a bound to the WAL that a slot nobody reads may hold back.
func (s *Stack) postgresProcess(programs, data string, port int) supervisor.Process {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=",
		"wal_level=logical",
		"max_connections=200",
		"max_wal_senders=50",
		"max_replication_slots=50",
		"max_slot_wal_keep_size=8GB",
		"max_wal_size=4GB",
		"max_locks_per_transaction=256",
		"shared_buffers=256MB",
		"track_commit_timestamp=off",
		"timezone=UTC",
		"log_timezone=UTC",
	}
	if s.options.Ephemeral {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", data}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return supervisor.Process{
		Name:       "postgres",
		Path:       filepath.Join(programs, "bin", "postgres"),
		Args:       args,
		Env:        s.environment(),
		Credential: s.account.credential,
		Ready:      func(ctx context.Context) error { return pingPostgres(ctx, loopback(port)) },
		StopSignal: syscall.SIGINT, // fast shutdown: clients do not hold it up
	}
}

// pingPostgres asks for a session as far as the server's demand for a password,
// which it sends only once it takes sessions.
func pingPostgres(ctx context.Context, address string) error {
	const protocol3, authentication = 3 << 16, 'R'
	parameters := "user\x00" + superuser + "\x00\x00"
	message := binary.BigEndian.AppendUint32(nil, uint32(8+len(parameters)))
	message = binary.BigEndian.AppendUint32(message, protocol3)
	answer, err := ask(ctx, address, append(message, parameters...), 1)
	if err != nil {
		return err
	}
	if answer[0] != authentication {
		return errors.New("it takes no sessions yet")
	}
	return nil
}
