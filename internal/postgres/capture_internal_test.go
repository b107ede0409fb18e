package postgres

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"movies/internal/stack/stacktest"
)

// A commit that waits for a standby has its record in the WAL and is invisible.
// A new slot may begin behind that record and would never deliver it, so it has
// to be waited for.
func TestRunningTransactionsIncludeCommitsThatAreNotVisible(t *testing.T) {
	t.Parallel()
	server := stacktest.NewPostgresServer(t, "synchronous_standby_names=nobody")
	c, err := NewCapture(server.URL, DefaultSlot, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn, err := c.connectReplication(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeBounded(conn)
	committed := make(chan error, 1)
	go func() {
		_, err := c.pool.Exec(t.Context(), "CREATE TABLE written (x int)")
		committed <- err
	}()
	for waiting := "0"; waiting != "1"; {
		if waiting, err = queryValue(t.Context(), conn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- awaitRunning(context.WithoutCancel(t.Context()), conn) }()
	select {
	case err := <-ended:
		t.Fatalf("ended with %v while a commit was invisible", err)
	case <-time.After(500 * time.Millisecond):
	}
	server.Set("synchronous_standby_names=")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-committed; err != nil {
		t.Error(err)
	}
}
