package relay_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"movies/indexer/relay"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
)

// unconfirmed is a source whose confirmations get lost, as when the relay is
// killed between Kafka's acknowledgement and the confirmation.
type unconfirmed struct{ relay.Source }

func (unconfirmed) Confirm(uint64) {}

// publisherFunc is a Publisher.
type publisherFunc func(context.Context, time.Time, []movie.Event) ([]kafka.DeadLetter, error)

func (f publisherFunc) PublishEvents(ctx context.Context, read time.Time, events []movie.Event) ([]kafka.DeadLetter, error) {
	return f(ctx, read, events)
}

func TestKilledBetweenPublishAndConfirm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	killed := r.start(func(p *parts) {
		acquire := p.acquire
		p.acquire = func(ctx context.Context) (relay.Source, error) {
			s, err := acquire(ctx)
			return unconfirmed{s}, err
		}
	})
	r.confirmed() // the slot is there, and nothing was committed
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one'), (2, 'two')")
	r.exec("UPDATE movies SET title = 'one again' WHERE id = 1")
	r.await("both changes are published", func() bool { return r.title(1) == "one again" && r.title(2) == "two" })
	killed.stop()
	r.exec("DELETE FROM movies WHERE id = 2")
	before := len(r.events())
	r.start()
	r.confirmed()
	r.sameAsDatabase()
	if again := len(r.events()) - before; again < 2 {
		t.Errorf("%d events after the restart: what was not confirmed was not repeated", again)
	}
}

func TestPublishFailureIsRepeated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	failures := 3
	r.start(func(p *parts) {
		real := p.publisher
		p.publisher = publisherFunc(func(ctx context.Context, read time.Time, events []movie.Event) ([]kafka.DeadLetter, error) {
			if failures--; failures >= 0 {
				return nil, errors.New("not enough replicas")
			}
			return real.PublishEvents(ctx, read, events)
		})
	})
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')") // in the slot or before it
	r.confirmed()
	r.exec("INSERT INTO movies (id, title) VALUES (2, 'two')")
	r.await("the change is published after the failures", func() bool { return r.title(2) == "two" })
	if failures >= 0 {
		t.Error("publishing never failed")
	}
}

// A relay whose machine stood still between reading and publishing begins anew
// from what is confirmed.
func TestWhatWasReadTooLongAgoIsReadAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var still atomic.Bool
	r.start(func(p *parts) {
		real := p.publisher
		p.publisher = publisherFunc(func(ctx context.Context, read time.Time, events []movie.Event) ([]kafka.DeadLetter, error) {
			if still.Swap(false) {
				r.exec("UPDATE movies SET title = 'meanwhile' WHERE id = 1")
				read = read.Add(-time.Hour)
			}
			return real.PublishEvents(ctx, read, events)
		})
	})
	r.confirmed()
	still.Store(true)
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'before')")
	r.await("the movie is published as it is", func() bool { return r.title(1) == "meanwhile" })
	for _, e := range r.events() {
		if e.Movie.Title != "meanwhile" {
			t.Errorf("published was %q, which had been read an hour ago", e.Movie.Title)
		}
	}
	r.confirmed()
}

func TestStandbyGoesOnWhenTheActiveRelayIsCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.start()
	r.confirmed()
	for id := 1; id <= 6; id++ {
		r.exec("INSERT INTO movies (id, title) VALUES ($1, $2)", id, fmt.Sprint("movie ", id))
		if id%2 == 0 {
			r.exec("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1", r.slot)
		}
	}
	began := time.Now()
	r.confirmed()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to go on", took)
	}
	r.sameAsDatabase()
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	publishing := make(chan struct{}, 100)
	stuck := r.start(func(p *parts) {
		p.publisher = publisherFunc(func(ctx context.Context, _ time.Time, _ []movie.Event) ([]kafka.DeadLetter, error) {
			publishing <- struct{}{}
			<-ctx.Done() // a cluster that never acknowledges
			return nil, ctx.Err()
		})
	})
	r.confirmed()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one')")
	<-publishing
	stuck.stop() // fails the test after 10 s
	r.start()
	r.await("another relay publishes it", func() bool { return r.title(1) == "one" })
}

// The commit waits for a standby that does not exist: it is decoded, and not
// visible. Its events must wait, and so must those of commits behind it.
func TestCommitThatIsNotVisibleYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := stacktest.NewPostgresServer(t)
	url := server.Database("movies")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	r := newRigOn(t, url)
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'before'), (2, 'before')")
	r.start()
	r.confirmed()
	server.Set("synchronous_standby_names=nobody")
	r.await("the setting is seen", func() bool { return r.query("SHOW synchronous_standby_names") == "nobody" })
	committed := make(chan error, 1)
	go func() {
		_, err := r.pool.Exec(t.Context(), "UPDATE movies SET title = 'after' WHERE id = 1")
		committed <- err
	}()
	r.await("the commit waits", func() bool {
		return r.query("SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
	})
	r.exec("BEGIN; SET LOCAL synchronous_commit = off; UPDATE movies SET title = 'behind' WHERE id = 2; COMMIT")
	if title := r.query("SELECT title FROM movies WHERE id = 1"); title != "before" {
		t.Fatalf("the commit is visible (%s): this test tests nothing", title)
	}
	<-time.After(time.Second) // what must not happen has no condition to wait for
	if n := len(r.events()); n != 0 {
		t.Errorf("%d events before the first commit was visible", n)
	}
	server.Set("synchronous_standby_names=")
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	r.confirmed()
	r.sameAsDatabase()
}
