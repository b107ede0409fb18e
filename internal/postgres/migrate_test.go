package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

func TestMigratorsWaitForEachOther(t *testing.T) {
	t.Parallel()
	url := stacktest.Postgres(t)
	applied := make([]int, 4)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range applied {
		group.Go(func() error {
			steps, err := postgres.Migrate(ctx, url)
			applied[i] = len(steps)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	worked := 0
	for _, n := range applied {
		if n > 0 {
			worked++
		}
	}
	if worked != 1 {
		t.Errorf("steps applied by each: %v, want all by one", applied)
	}
}

func TestMigrateKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	exec(t, conn, fixture)
	steps, err := postgres.Migrate(t.Context(), conn.Config().ConnString())
	if err != nil || len(steps) != 0 {
		t.Errorf("migrated again: %v, %v", steps, err)
	}
	if n, err := c.Count(t.Context()); n != 4 || err != nil {
		t.Errorf("%d movies (%v), want 4", n, err)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	empty := stacktest.Postgres(t)
	behind := newDatabase(t)
	exec(t, connect(t, behind), `DELETE FROM goose_db_version WHERE version_id > 1`)
	for _, c := range []struct{ url, want string }{
		{"postgres://someone:hunter2@127.0.0.1:1/movies", `Postgres at 127.0.0.1:1 (database "movies") cannot be used: connection refused`},
		{empty, "has no schema yet; run: catalog migrate"},
		{behind, "is at version 1 and this program needs"},
	} {
		catalog, err := postgres.Open(t.Context(), c.url)
		if err == nil {
			catalog.Close()
			t.Errorf("%s: opened", c.url)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !errors.Is(err, movie.ErrUnavailable) || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("got %q, want %q", err, c.want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %q", err)
		}
	}
}
