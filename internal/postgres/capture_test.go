package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
	"movies/internal/postgres"
)

// newCapture is capture from the database at url, on a slot named after it.
func newCapture(t testing.TB, url string) *postgres.Capture {
	t.Helper()
	conn := connect(t, url)
	slot := "relay_" + strings.ToLower(conn.Config().Database)
	c, err := postgres.NewCapture(url, slot, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// acquire starts a stream that is closed at cleanup.
func acquire(t testing.TB, c *postgres.Capture) *postgres.Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := c.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// next gives the stream's next commits.
func next(t testing.TB, s *postgres.Stream, n int) []movie.Commit {
	t.Helper()
	var commits []movie.Commit
	for len(commits) < n {
		select {
		case c, ok := <-s.Commits():
			if !ok {
				t.Fatalf("the stream ended after %d commits of %d: %v", len(commits), n, s.Close())
			}
			commits = append(commits, c)
		case <-time.After(20 * time.Second):
			t.Fatalf("%d commits of %d within 20 s", len(commits), n)
		}
	}
	return commits
}

// await waits until the condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline, poll := time.After(20*time.Second), time.NewTicker(10*time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		case <-poll.C:
		}
	}
}

func slotLSN(t testing.TB, conn *pgx.Conn) uint64 {
	t.Helper()
	lsn, err := movie.ParseLSN(queryOne[string](t, conn, "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE database = current_database()"))
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func currentLSN(t testing.TB, conn *pgx.Conn) uint64 {
	t.Helper()
	lsn, err := movie.ParseLSN(queryOne[string](t, conn, "SELECT pg_current_wal_lsn()::text"))
	if err != nil {
		t.Fatal(err)
	}
	return lsn
}

func TestCommitsComeInTheOrderOfTheirCommitRecords(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	early, late := connect(t, url), connect(t, url)
	exec(t, late, fixture)
	s := acquire(t, newCapture(t, url))

	exec(t, early, "BEGIN; UPDATE movies SET title = 'early message' WHERE id = 1")
	xid := queryOne[string](t, early, "SELECT pg_current_xact_id()::text")
	afterMessage := currentLSN(t, late)
	exec(t, late, "UPDATE movies SET title = 'late message' WHERE id = 2")
	exec(t, early, "INSERT INTO akas (movie_id, title) VALUES (3, 'x'), (1, 'y'); COMMIT")

	commits := next(t, s, 2)
	if !slices.Equal(commits[0].IDs, []int64{2}) || !slices.Equal(commits[1].IDs, []int64{1, 3}) {
		t.Fatalf("ids %v then %v, want [2] then [1 3]", commits[0].IDs, commits[1].IDs)
	}
	if commits[0].LSN < afterMessage || commits[1].LSN < commits[0].End || commits[1].End <= commits[1].LSN {
		t.Errorf("LSNs %+v, want both behind %X and ascending", commits, afterMessage)
	}
	if fmt.Sprint(commits[1].XID) != xid {
		t.Errorf("transaction id %d, want %s", commits[1].XID, xid)
	}
	if age := time.Since(commits[1].At); age < -time.Minute || age > time.Minute {
		t.Errorf("committed at %v", commits[1].At)
	}
}

func TestRenamesAreExpandedToMovies(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	s := acquire(t, newCapture(t, url))
	exec(t, conn, "UPDATE people SET name = 'PP' WHERE id = 1")
	exec(t, conn, "BEGIN; UPDATE genres SET name = 'GG' WHERE id = 1; UPDATE movies SET title = 'x' WHERE id = 4; COMMIT")
	exec(t, conn, "UPDATE people SET name = 'nobody''s' WHERE id = 3")
	var got [][]int64
	for _, c := range next(t, s, 3) {
		got = append(got, c.IDs)
	}
	if diff := cmp.Diff([][]int64{{1, 2}, {1, 3, 4}, nil}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatWasNotConfirmedComesAgain(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	c := newCapture(t, url)
	first := acquire(t, c)
	if !first.Origin().Fresh || first.Origin().WALEnd == 0 || first.Origin().SystemID == "" || first.Origin().Timeline < 1 {
		t.Errorf("origin %+v, want a fresh one", first.Origin())
	}
	for id := range 4 {
		exec(t, conn, "UPDATE movies SET title = 'x' WHERE id = $1", id+1)
	}
	delivered := next(t, first, 4)
	first.Confirm(delivered[1].End)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := acquire(t, c)
	if second.Origin().Fresh {
		t.Error("the slot was there and its origin is fresh")
	}
	if diff := cmp.Diff(delivered[2:], next(t, second, 2)); diff != "" {
		t.Errorf("delivered again (-want +got):\n%s", diff)
	}
}

func TestIdleSlotKeepsNoWAL(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture+"; CREATE TABLE unrelated (x text)")
	s := acquire(t, newCapture(t, url))
	unrelated := func() uint64 {
		exec(t, conn, "INSERT INTO unrelated SELECT repeat('x', 1000) FROM generate_series(1, 100)")
		return currentLSN(t, conn)
	}
	written := unrelated()
	await(t, "the slot follows unrelated WAL", func() bool { return slotLSN(t, conn) >= written })

	exec(t, conn, "UPDATE movies SET title = 'x' WHERE id = 1")
	open := next(t, s, 1)[0]
	unrelated()
	<-time.After(3 * time.Second) // what must not happen has no condition to wait for
	if lsn := slotLSN(t, conn); lsn >= open.End {
		t.Errorf("the slot is at %X though the commit that ends at %X was not confirmed", lsn, open.End)
	}
	s.Confirm(open.End)
	written = unrelated()
	await(t, "the slot goes on after the confirmation", func() bool { return slotLSN(t, conn) >= written })
}

func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	c := newCapture(t, url)
	active := acquire(t, c)
	took := make(chan *postgres.Stream, 1)
	go func() {
		if s, err := c.Acquire(t.Context()); err == nil {
			took <- s
		}
	}()
	exec(t, conn, "UPDATE movies SET title = 'x' WHERE id = 1")
	next(t, active, 1)
	select {
	case <-took:
		t.Fatal("two relays at once")
	case <-time.After(1500 * time.Millisecond):
	}
	exec(t, conn, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()")
	select {
	case s := <-took:
		defer func() { _ = s.Close() }()
		if c := next(t, s, 1)[0]; !slices.Equal(c.IDs, []int64{1}) {
			t.Errorf("the standby goes on with %v, want the unconfirmed commit", c.IDs)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the standby did not take over within 10 s")
	}
	if err := active.Close(); err == nil {
		t.Error("the stream that was cut ended without an error")
	}
}

func TestMessagesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	s := acquire(t, newCapture(t, url))
	for _, sql := range []string{
		"SELECT pg_logical_emit_message(true, 'somebody else', '1:1')",
		"SELECT pg_logical_emit_message(false, 'movies.changes.v1', '1:1')",
		"SELECT pg_logical_emit_message(true, 'movies.changes.v1', 'garbage')",
		"UPDATE movies SET title = 'x' WHERE id = 3",
	} {
		exec(t, conn, sql)
	}
	if c := next(t, s, 1)[0]; !slices.Equal(c.IDs, []int64{3}) {
		t.Errorf("first commit has %v, want that of the update", c.IDs)
	}
	exec(t, conn, "SELECT pg_logical_emit_message(true, 'movies.changes.v2', '1:1')")
	if c, ok := <-s.Commits(); ok {
		t.Errorf("a message of a newer format was delivered as %+v", c)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "upgrade the relay") {
		t.Errorf("a message of a newer format ended the stream with %v", err)
	}
}

func TestDroppedSlotIsFreshAgain(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	c := newCapture(t, url)
	if _, err := c.VisibleLSN(t.Context()); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("without a slot: %v", err)
	}
	if err := acquire(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	if lsn, err := c.VisibleLSN(t.Context()); err != nil || lsn == 0 {
		t.Errorf("visible LSN %X, %v", lsn, err)
	}
	if h, err := c.Health(t.Context()); err != nil || h.Status != "reserved" || h.SafeBytes <= 0 {
		t.Errorf("health %+v, %v", h, err)
	}
	exec(t, conn, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()")
	if h, err := c.Health(t.Context()); err != nil || h.Status != "missing" {
		t.Errorf("health %+v, %v", h, err)
	}
	if s := acquire(t, c); !s.Origin().Fresh || s.Origin().Lost == "" {
		t.Errorf("origin %+v, want a fresh one that says why", s.Origin())
	}
	if n := queryOne[int64](t, conn, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"); n != 1 {
		t.Errorf("%d slots, want one", n)
	}
	if !queryOne[bool](t, conn, "SELECT failover FROM pg_replication_slots WHERE database = current_database()") {
		t.Error("the slot does not survive a failover")
	}
}

func TestSlotWaitsForTransactionsOfBefore(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn, writer := connect(t, url), connect(t, url)
	exec(t, conn, fixture)
	exec(t, writer, "BEGIN; UPDATE movies SET title = 'x' WHERE id = 1")
	acquired := make(chan error, 1)
	go func() {
		s, err := newCapture(t, url).Acquire(t.Context())
		if err == nil {
			err = s.Close()
		}
		acquired <- err
	}()
	select {
	case err := <-acquired:
		t.Fatalf("acquired while a transaction was open, %v", err)
	case <-time.After(time.Second):
	}
	slots := queryOne[int64](t, conn, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND NOT temporary")
	if slots != 0 {
		t.Error("the lasting slot exists while a transaction of before it is open")
	}
	exec(t, writer, "COMMIT")
	if err := <-acquired; err != nil {
		t.Fatal(err)
	}
}

func TestUnusableDatabasesAreRefusedWithTheFix(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, "DROP PUBLICATION movies_changes")
	if _, err := newCapture(t, url).Acquire(t.Context()); err == nil || !strings.Contains(err.Error(), "catalog migrate") {
		t.Errorf("without a publication: %v", err)
	}
	exec(t, conn, "CREATE PUBLICATION movies_changes")
	exec(t, conn, "SELECT pg_create_logical_replication_slot('relay_' || current_database(), 'test_decoding')")
	if _, err := newCapture(t, url).Acquire(t.Context()); err == nil || !strings.Contains(err.Error(), "test_decoding") {
		t.Errorf("with a slot of another plugin: %v", err)
	}
	if _, err := postgres.NewCapture(url, "Robert'); --", slog.Default()); err == nil {
		t.Error("a slot name that is no identifier was accepted")
	}
}

func TestSlowReceiverKeepsTheStream(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, fixture)
	s := acquire(t, newCapture(t, url))
	const commits = 2000 // more than wait, decoded, for a receiver
	exec(t, conn, "CREATE PROCEDURE change(n int) LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..n LOOP UPDATE movies SET votes = i WHERE id = 1; COMMIT; END LOOP; END'")
	exec(t, conn, fmt.Sprintf("CALL change(%d)", commits))
	<-time.After(12 * time.Second) // longer than the server waits for a sign of life
	last := uint64(0)
	for _, c := range next(t, s, commits) {
		if c.LSN <= last {
			t.Fatalf("commit %X after %X", c.LSN, last)
		}
		last = c.LSN
	}
}
