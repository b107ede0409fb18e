//go:build restore

package restore

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
)

// archiveWAL makes Postgres archive each segment of its WAL, as the operator does
// in production.
func (s *system) archiveWAL() {
	s.t.Helper()
	archive := s.DataFile("archive")
	s.exec(`ALTER SYSTEM SET archive_mode = on`)
	s.exec(fmt.Sprintf(`ALTER SYSTEM SET archive_command = 'mkdir -p %[1]s && test ! -f %[1]s/%%f && cp %%p %[1]s/.%%f && mv %[1]s/.%%f %[1]s/%%f'`, archive))
	s.kill("postgres") // archive_mode asks for a restart
	s.eventually("Postgres archives", func() error { return s.mustBe("SELECT (current_setting('archive_mode') = 'on')::int", 1) })
}

// left out of a base backup, see "Making a Base Backup Using the Low Level API" of
// PostgreSQL's manual. Replication slots must not come back.
var leftOut = []string{"pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"}

// baseBackup copies the data folder of the running server and returns the file.
// (The packages have no pg_basebackup.)
func (s *system) baseBackup() string {
	s.t.Helper()
	ctx := s.t.Context()
	file := filepath.Join(s.t.TempDir(), "base.tar")
	c, err := pgx.Connect(ctx, s.DatabaseURL)
	check(s.t, err)
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, `SELECT pg_backup_start('nightly', fast => true)`)
	check(s.t, err)
	args := []string{"-C", s.DataFile("postgres"), "-cf", file, "--exclude=./postmaster.pid", "--exclude=./postmaster.opts"}
	for _, folder := range leftOut {
		args = append(args, "--exclude=./"+folder+"/*")
	}
	out, err := exec.CommandContext(ctx, "tar", append(args, ".")...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) { // 1: a file changed meanwhile, as it may
		s.t.Fatalf("tar: %v: %s", err, out)
	}
	var label string
	check(s.t, c.QueryRow(ctx, `SELECT labelfile FROM pg_backup_stop()`).Scan(&label))
	check(s.t, os.WriteFile(file+".label", []byte(label), 0o600))
	return file
}

// archivedWAL waits until everything committed is archived and returns a copy of the
// archive.
func (s *system) archivedWAL() string {
	s.t.Helper()
	last, err := query[string](s, `SELECT pg_walfile_name(pg_switch_wal())`)
	check(s.t, err)
	s.eventually("the last segment is archived", func() error {
		_, err := os.Stat(filepath.Join(s.DataFile("archive"), last))
		return err
	})
	file := filepath.Join(s.t.TempDir(), "wal.tar")
	s.tar("-C", s.DataFile("archive"), "-cf", file, ".")
	return file
}

func (s *system) tar(args ...string) {
	s.t.Helper()
	if out, err := exec.CommandContext(s.t.Context(), "tar", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("tar %v: %v: %s", args, err, out)
	}
}

// loseEverything removes what all servers keep. Only the stack's ports and
// password stay: as in production, secrets are kept elsewhere.
func (s *system) loseEverything() {
	s.t.Helper()
	data := filepath.Dir(s.DataFile("postgres"))
	entries, err := os.ReadDir(data)
	check(s.t, err)
	var lost []string
	for _, e := range entries {
		if e.Name() != "state.json" {
			check(s.t, os.RemoveAll(filepath.Join(data, e.Name())))
			lost = append(lost, e.Name())
		}
	}
	for _, name := range []string{"postgres", "kafka", "opensearch"} {
		if !slices.Contains(lost, name) {
			s.t.Errorf("%s had nothing to lose in %s", name, data)
		}
	}
}

// restore puts a base backup where Postgres starts from, to take up the archived
// WAL to its end.
func (s *system) restore(base, wal string) {
	s.t.Helper()
	data, archive := s.DataFile("postgres"), s.DataFile("archive")
	for folder, file := range map[string]string{data: base, archive: wal} {
		check(s.t, os.MkdirAll(folder, 0o700))
		s.tar("-C", folder, "-xpf", file)
	}
	label, err := os.ReadFile(base + ".label")
	check(s.t, err)
	s.put(filepath.Join(data, "backup_label"), string(label))
	s.put(filepath.Join(data, "recovery.signal"), "")
	s.put(filepath.Join(data, "postgresql.auto.conf"), fmt.Sprintf("restore_command = 'cp %s/%%f %%p'\n", archive))
}

// put appends to a file of Postgres, which is to be its owner's.
func (s *system) put(path, text string) {
	s.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check(s.t, err)
	_, err = f.WriteString(text)
	check(s.t, errors.Join(err, f.Close()))
	owner := exec.CommandContext(s.t.Context(), "chown", "--reference="+filepath.Dir(path), path)
	if out, err := owner.CombinedOutput(); err != nil {
		s.t.Fatalf("chown: %v: %s", err, out)
	}
}
