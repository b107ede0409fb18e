package relay_test

import (
	"strings"
	"testing"

	"movies/internal/movie"
	"movies/internal/stack/stacktest"
)

// newServerRig is a rig on a server of the test's own.
func newServerRig(t *testing.T) (*stacktest.PostgresServer, *rig) {
	t.Helper()
	server := stacktest.NewPostgresServer(t)
	url := server.Database("movies")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return server, newRigOn(t, url)
}

// persisted waits until the relay's state has reached the present.
func (r *rig) persisted() {
	r.t.Helper()
	r.confirmed()
	newest := uint64(0)
	for _, e := range r.events() {
		newest = max(newest, e.Version.LSN())
	}
	r.await("the position is persisted", func() bool { return r.state().LSN > newest })
}

// inNewEpoch checks that the relay entered epoch 2 for the reason given, and that
// the movie, changed in the lost past and again now, has its present title.
func (r *rig) inNewEpoch(reason string) {
	r.t.Helper()
	r.await("a new epoch", func() bool { return r.state().Epoch == 2 })
	r.confirmed()
	r.exec("UPDATE movies SET title = 'present' WHERE id = 1")
	r.await("the present title wins over the lost one", func() bool { return r.title(1) == "present" })
	s := r.state()
	if !strings.Contains(s.RepairReason, reason) || s.RepairSince.IsZero() {
		r.t.Errorf("repair is due since %v because of %q, want a reason with %q", s.RepairSince, s.RepairReason, reason)
	}
	if e := r.index()[1]; e.Version.Epoch() != 2 {
		r.t.Errorf("the newest event has epoch %d", e.Version.Epoch())
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	primary, r := newServerRig(t)
	standby := primary.Standby()
	first := r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	r.confirmed()
	r.persisted()
	first.stop()
	primary.Kill()
	standby.Promote()
	moved := r.onServer(standby)
	moved.start()
	moved.inNewEpoch("timeline is 2, was 1")
}

func TestRestoreOfFiles(t *testing.T) {
	t.Parallel()
	server, r := newServerRig(t)
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	first := r.start()
	r.await("the relay has begun", func() bool { return r.state().Epoch == 1 })
	r.confirmed()
	first.stop()
	server.Stop()
	backup := server.Copy()
	server.Start()
	r.pool.Reset()

	second := r.start()
	for range 200 { // more than the restored database will write
		r.exec("UPDATE movies SET title = 'lost', votes = votes + 1 WHERE id = 1")
	}
	r.persisted()
	second.stop()
	server.Stop()
	server.Restore(backup)
	server.Start()
	r.pool.Reset()
	r.start()
	r.inNewEpoch("was published")
}

func TestRestoreOfFilesThatWereWrittenOnSince(t *testing.T) {
	t.Parallel()
	server, r := newServerRig(t)
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	first := r.start()
	r.await("the relay has begun", func() bool { return r.state().Epoch == 1 })
	r.confirmed()
	first.stop()
	server.Stop()
	backup := server.Copy()
	server.Start()
	r.pool.Reset()

	second := r.start()
	r.exec("UPDATE movies SET title = 'lost' WHERE id = 1")
	r.persisted()
	published := r.state().LSN
	second.stop()
	server.Stop()
	server.Restore(backup)
	server.Start()
	r.pool.Reset()
	r.await("the restored database is past the lost commit", func() bool {
		r.exec("INSERT INTO movies (id, title) SELECT max(id) + n, 'other' FROM movies, generate_series(1, 100) n GROUP BY n")
		lsn, err := movie.ParseLSN(r.query("SELECT pg_current_wal_lsn()::text"))
		return err == nil && lsn > published
	})
	r.start()
	r.inNewEpoch("not the one that was published from")
}

func TestDumpAndReload(t *testing.T) {
	t.Parallel()
	_, r := newServerRig(t)
	first := r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	r.persisted()
	first.stop()

	server := stacktest.NewPostgresServer(t)
	url := server.Database("movies")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	reloaded := r.onServer(server)
	reloaded.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	reloaded.start()
	reloaded.inNewEpoch("system identifier")
}

func TestLostSlot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	r.persisted()
	first.stop()
	r.await("the slot is dropped", func() bool { // which the server refuses for a moment after the relay has stopped
		_, err := r.pool.Exec(t.Context(), "SELECT pg_drop_replication_slot($1)", r.slot)
		return err == nil
	})
	r.exec("UPDATE movies SET title = 'nobody captured this' WHERE id = 1")
	r.start()
	r.inNewEpoch("capture could not go on")
}

// A relay that dies between creating the slot and writing its first state has
// lost nothing, and nothing is to be repaired.
func TestCrashAtTheFirstStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.capture()
	s, err := c.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	r.await("the movie is published", func() bool { return r.title(1) == "one" })
	if s := r.state(); s.Epoch != 1 || s.RepairReason != "" {
		t.Errorf("state %+v, want epoch 1 and no repair", s)
	}
}

// A slot whose relay's state is gone from Kafka is told from that.
func TestStateGoneFromKafka(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.capture()
	c.Announce = nil // as if the topic had been made anew
	s, err := c.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.await("the relay has begun", func() bool { return r.state().Epoch == 1 })
	if s := r.state(); !strings.Contains(s.RepairReason, "state is gone") {
		t.Errorf("the reason for a repair is %q", s.RepairReason)
	}
}

func TestRestartKeepsTheEpoch(t *testing.T) {
	t.Parallel()
	server, r := newServerRig(t)
	first := r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	r.persisted()
	r.exec("UPDATE movies SET title = 'two' WHERE id = 1")
	r.confirmed()
	server.Kill() // a crash: the slot comes back with an older position
	server.Start()
	r.pool.Reset()
	r.exec("UPDATE movies SET title = 'three' WHERE id = 1")
	r.await("the change after the crash is published", func() bool { return r.title(1) == "three" })
	first.stop()
	r.start()
	r.exec("UPDATE movies SET title = 'four' WHERE id = 1")
	r.await("the change after the restart is published", func() bool { return r.title(1) == "four" })
	if s := r.state(); s.Epoch != 1 || s.RepairReason != "" {
		t.Errorf("state %+v, want epoch 1 and no repair", s)
	}
}
