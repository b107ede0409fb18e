package stacktest

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresMigratedClonesOneTemplate(t *testing.T) {
	t.Parallel()
	var migrations atomic.Int32
	migrate := func(ctx context.Context, databaseURL string) error {
		migrations.Add(1)
		return execute(ctx, databaseURL, "CREATE TABLE migrated (id int)")
	}
	for range 3 {
		t.Run("clone", func(t *testing.T) {
			url := PostgresMigrated(t, "stack-test", migrate)
			if err := execute(t.Context(), url, "INSERT INTO migrated VALUES (1)"); err != nil {
				t.Fatal(err)
			}
			if n := count(t, url, "SELECT count(*) FROM migrated"); n != 1 {
				t.Errorf("a clone holds %d rows, want its own 1", n)
			}
		})
	}
	if n := migrations.Load(); n > 1 {
		t.Errorf("migrated %d times, want at most once", n)
	}
}

func TestPostgresIsDroppedWithItsSlotsAndSessions(t *testing.T) {
	t.Parallel()
	server := server(t, "TEST_DATABASE_URL")
	var name string
	t.Run("use", func(t *testing.T) {
		url := Postgres(t)
		name = url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
		connection, err := pgx.Connect(t.Context(), url) // left open
		if err != nil {
			t.Fatal(err)
		}
		const slot = "SELECT pg_create_logical_replication_slot(current_database()::text, 'pgoutput')"
		if _, err := connection.Exec(t.Context(), slot); err != nil {
			t.Fatal(err)
		}
	})
	if n := count(t, server, "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'"); n != 0 {
		t.Errorf("database %s is still there", name)
	}
	if n := count(t, server, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '"+name+"'"); n != 0 {
		t.Errorf("slot %s is still there", name)
	}
}

func TestOpenSearchRemovesItsIndices(t *testing.T) {
	t.Parallel()
	url := server(t, "TEST_SEARCH_URL")
	var prefix string
	t.Run("use", func(t *testing.T) {
		_, prefix = OpenSearch(t)
		if code := request(t, http.MethodPut, url+"/"+prefix+"index"); code != http.StatusOK {
			t.Fatalf("create an index: status %d", code)
		}
	})
	if code := request(t, http.MethodHead, url+"/"+prefix+"index"); code != http.StatusNotFound {
		t.Errorf("the index answers with status %d after cleanup, want 404", code)
	}
}

func TestPrefixesDiffer(t *testing.T) {
	t.Parallel()
	_, one := Kafka(t)
	_, two := Kafka(t)
	_, three := Redis(t)
	if one == two || two == three {
		t.Errorf("prefixes are not unique: %s %s %s", one, two, three)
	}
}

func count(t *testing.T, url, query string) (n int) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.Background()) }()
	if err := connection.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func request(t *testing.T, method, url string) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
