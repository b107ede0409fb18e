package postgres_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"movies/internal/movie"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

// newServerDatabase is a migrated database on a server of the test's own.
func newServerDatabase(t testing.TB, settings ...string) (*stacktest.PostgresServer, string) {
	t.Helper()
	server := stacktest.NewPostgresServer(t, settings...)
	url := server.Database("movies")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return server, url
}

// A commit that waits for a synchronous standby is decoded, and invisible to
// every snapshot: the state that every commit passes through for a moment.
func TestReadWaitsUntilTheCommitIsVisible(t *testing.T) {
	t.Parallel()
	server, url := newServerDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	c := newCapture(t, url)
	s := acquire(t, c)
	exec(t, conn, "UPDATE people SET name = 'before' WHERE id = 1")
	next(t, s, 1)

	server.Set("synchronous_standby_names=nobody")
	await(t, "the setting is seen", func() bool { return queryOne[string](t, conn, "SHOW synchronous_standby_names") == "nobody" })
	changed := make(chan error, 1)
	go func() {
		_, err := connect(t, url).Exec(t.Context(), "UPDATE movies SET title = 'after' WHERE id = 1")
		changed <- err
	}()
	commit := next(t, s, 1)[0] // decoded
	if title := queryOne[string](t, conn, "SELECT title FROM movies WHERE id = 1"); title != "one" {
		t.Fatalf("the commit is visible (%s): this test tests nothing", title)
	}
	type result struct {
		movies []movie.Movie
		err    error
	}
	read := make(chan result, 1)
	go func() {
		movies, err := c.Read(t.Context(), []uint64{commit.XID}, commit.IDs)
		read <- result{movies, err}
	}()
	select {
	case r := <-read:
		t.Fatalf("read %q, %v, while the commit was invisible", r.movies[0].Title, r.err)
	case <-time.After(500 * time.Millisecond):
	}
	server.Set("synchronous_standby_names=")
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if r := <-read; r.err != nil || len(r.movies) != 1 || r.movies[0].Title != "after" {
		t.Errorf("read %+v, %v; want the title after the change", r.movies, r.err)
	}
}

// A rename is expanded only when it is visible: before that, a credit that was
// committed in between could be missed.
func TestExpansionWaitsUntilTheRenameIsVisible(t *testing.T) {
	t.Parallel()
	server, url := newServerDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	s := acquire(t, newCapture(t, url))
	server.Set("synchronous_standby_names=nobody")
	await(t, "the setting is seen", func() bool { return queryOne[string](t, conn, "SHOW synchronous_standby_names") == "nobody" })
	renamed := make(chan error, 1)
	go func() {
		_, err := connect(t, url).Exec(t.Context(), "UPDATE people SET name = 'after' WHERE id = 1")
		renamed <- err
	}()
	await(t, "the rename waits for the standby", func() bool {
		return queryOne[int64](t, conn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == 1
	})
	select {
	case c := <-s.Commits():
		t.Fatalf("delivered as %+v while invisible", c)
	case <-time.After(500 * time.Millisecond):
	}
	exec(t, conn, "SET synchronous_commit = off; INSERT INTO credits (movie_id, person_id) VALUES (4, 1)")
	server.Set("synchronous_standby_names=")
	if err := <-renamed; err != nil {
		t.Fatal(err)
	}
	touched := make(map[int64]bool)
	for _, c := range next(t, s, 2) {
		for _, id := range c.IDs {
			touched[id] = true
		}
	}
	if !touched[1] || !touched[2] || !touched[4] {
		t.Errorf("movies %v were touched, want 1, 2 and 4", touched)
	}
}

func TestInvalidatedSlotIsReplacedAndSaid(t *testing.T) {
	t.Parallel()
	_, url := newServerDatabase(t, "max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=48MB")
	conn := connect(t, url)
	exec(t, conn, fixture+"; CREATE TABLE unrelated (x text)")
	c := newCapture(t, url)
	if err := acquire(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the slot is lost", func() bool {
		exec(t, conn, "INSERT INTO unrelated SELECT repeat('x', 1000) FROM generate_series(1, 10000)")
		exec(t, conn, "SELECT pg_switch_wal()")
		exec(t, conn, "CHECKPOINT")
		h, err := c.Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h.Status == "lost"
	})
	if lsn, err := c.VisibleLSN(t.Context()); err == nil {
		t.Errorf("a lost slot gives a visible LSN of %X", lsn)
	}
	s := acquire(t, c)
	if o := s.Origin(); !o.Fresh || !strings.Contains(o.Lost, "invalidated") {
		t.Errorf("origin %+v, want a fresh one that says that the slot was invalidated", o)
	}
	exec(t, conn, "UPDATE movies SET title = 'x' WHERE id = 1")
	next(t, s, 1)
}

func TestStandbyServerIsRefused(t *testing.T) {
	t.Parallel()
	server, _ := newServerDatabase(t)
	standby := server.Standby()
	onStandby, err := postgres.NewCapture(strings.Replace(standby.URL, "/postgres?", "/movies?", 1), "relay", slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer onStandby.Close()
	if _, err := onStandby.Acquire(t.Context()); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("capture from a standby: %v", err)
	}
}
