package stacktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres returns the URL of a new, empty database. It is dropped at cleanup,
// together with its connections and replication slots. The user is a superuser.
// Names of slots are shared by all databases of the server: derive them from the
// name of the database.
func Postgres(t testing.TB) (databaseURL string) {
	t.Helper()
	server := server(t, "TEST_DATABASE_URL")
	return newDatabase(t, server, "template1")
}

// PostgresMigrated returns the URL of a new database to which migrate was
// applied. A template is migrated once for a test binary and schema, and cloned
// for every test, which takes some 50 ms. migrate must close its connections.
func PostgresMigrated(t testing.TB, schema string, migrate func(ctx context.Context, databaseURL string) error) (databaseURL string) {
	t.Helper()
	server := server(t, "TEST_DATABASE_URL")
	template, err := templateOf(t.Context(), server, schema, migrate)
	if err != nil {
		t.Fatalf("migrate the template database %s: %v", schema, err)
	}
	return newDatabase(t, server, template)
}

func newDatabase(t testing.TB, server, template string) string {
	t.Helper()
	name := unique()
	if err := execute(t.Context(), server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := dropDatabase(ctx, server, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return databaseURL(server, name)
}

// templates remembers, for this run of the test binary, what templateOf did.
var templates sync.Map // schema -> func() (name string, err error)

func templateOf(ctx context.Context, server, schema string, migrate func(context.Context, string) error) (string, error) {
	once, _ := templates.LoadOrStore(schema, sync.OnceValues(func() (string, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		return makeTemplate(ctx, server, schema, migrate)
	}))
	return once.(func() (string, error))()
}

// makeTemplate migrates a database under a passing name and renames it when it
// is complete. The name holds a hash of the test binary: other runs of the same
// binary share the template, a changed binary gets a new one.
func makeTemplate(ctx context.Context, server, schema string, migrate func(context.Context, string) error) (name string, err error) {
	binary, err := binaryHash()
	if err != nil {
		return "", err
	}
	name = "template_" + schema + "_" + binary
	quoted := pgx.Identifier{name}.Sanitize()
	connection, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, connection.Close(ctx)) }()
	if _, err := connection.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var made bool
	row := connection.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name)
	if err := row.Scan(&made); err != nil || made {
		return quoted, err
	}
	passing := unique()
	if _, err := connection.Exec(ctx, "CREATE DATABASE "+passing); err != nil {
		return "", err
	}
	if err := migrate(ctx, databaseURL(server, passing)); err != nil {
		return "", errors.Join(err, dropDatabase(ctx, server, passing))
	}
	_, err = connection.Exec(ctx, "ALTER DATABASE "+passing+" RENAME TO "+quoted)
	return quoted, err
}

// dropDatabase drops the database with all that would hold it: FORCE ends its
// sessions but not its replication slots.
func dropDatabase(ctx context.Context, server, name string) error {
	connection, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	for {
		err := dropSlots(ctx, connection, name)
		if err == nil {
			_, err = connection.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
		if busy := new(pgconn.PgError); !errors.As(err, &busy) || busy.Code != objectInUse {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// objectInUse is the SQLSTATE of a slot, or a database, that a session holds.
const objectInUse = "55006"

func dropSlots(ctx context.Context, connection *pgx.Conn, database string) error {
	const end = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1 AND active"
	if _, err := connection.Exec(ctx, end, database); err != nil {
		return err
	}
	const drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1"
	_, err := connection.Exec(ctx, drop, database)
	return err
}

func execute(ctx context.Context, databaseURL, sql string) error {
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	_, err = connection.Exec(ctx, sql)
	return errors.Join(err, connection.Close(ctx))
}

// databaseURL is the URL of another database of the same server.
func databaseURL(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(fmt.Sprintf("TEST_DATABASE_URL is no URL: %v", err)) // pgx has connected with it
	}
	u.Path = "/" + name
	return u.String()
}

// binaryHash identifies the running test binary by its content.
func binaryHash() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}
