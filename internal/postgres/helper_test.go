package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

func migrate(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url)
	return err
}

// newDatabase is the URL of a migrated database of the test's own.
func newDatabase(t testing.TB) string {
	t.Helper()
	return stacktest.PostgresMigrated(t, "catalog", migrate)
}

// newCatalog opens a catalogue of the test's own; the connection is for raw SQL.
func newCatalog(t testing.TB) (*postgres.Catalog, *pgx.Conn) {
	t.Helper()
	url := newDatabase(t)
	c, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, connect(t, url)
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exec runs statements in one simple query: in one transaction unless they say
// otherwise.
func exec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// queryOne scans the one row of a query.
func queryOne[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// wal reads the change messages of a database with the real plugin.
type wal struct {
	conn *pgx.Conn
	slot string
}

// newWAL starts at this moment. The slot ends with the connection.
func newWAL(t testing.TB, url string) *wal {
	t.Helper()
	conn := connect(t, url)
	w := &wal{conn: conn, slot: "test_" + conn.Config().Database}
	exec(t, conn, `SELECT pg_create_logical_replication_slot($1, 'pgoutput', true)`, w.slot)
	return w
}

// transaction is what one commit sent.
type transaction struct {
	xid      uint32
	messages []postgres.ChangeMessage
}

// items are the distinct ids of all messages, in wire form, sorted.
func (x transaction) items() string {
	var items []string
	for _, m := range x.messages {
		m.XID = 1
		_, list, _ := strings.Cut(string(postgres.AppendChangeMessage(nil, m)), ":")
		items = append(items, strings.Split(list, ",")...)
	}
	slices.Sort(items)
	return strings.Join(slices.Compact(items), ",")
}

// next returns the transactions committed since the last call, in commit order.
func (w *wal) next(t testing.TB) []transaction {
	t.Helper()
	rows, err := w.conn.Query(t.Context(), `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL,
		'proto_version', '1', 'publication_names', 'movies_changes', 'messages', 'true')`, w.slot)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		t.Fatal(err)
	}
	var all []transaction
	for _, b := range data {
		parsed, err := pglogrepl.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		switch m := parsed.(type) {
		case *pglogrepl.BeginMessage:
			all = append(all, transaction{xid: m.Xid})
		case *pglogrepl.LogicalDecodingMessage:
			if m.Prefix != postgres.ChangeMessagePrefix || !m.Transactional {
				t.Fatalf("foreign message %q", m.Prefix)
			}
			change, err := postgres.ParseChangeMessage(m.Content)
			if err != nil {
				t.Fatal(err)
			}
			last := &all[len(all)-1]
			if uint32(change.XID) != last.xid {
				t.Errorf("message of transaction %d says it is of %d", last.xid, change.XID)
			}
			last.messages = append(last.messages, change)
		case *pglogrepl.CommitMessage:
		default:
			t.Fatalf("unexpected %T: the publication must be empty", m)
		}
	}
	return all
}

// describe is for messages of failed tests.
func describe(transactions []transaction) string {
	var parts []string
	for _, x := range transactions {
		parts = append(parts, fmt.Sprintf("[%s]", x.items()))
	}
	return strings.Join(parts, " ")
}
