package rebuild

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
)

func TestASecondOperatorIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(100)
	began := time.Now()
	alice := e.rebuilder("alice on earth")
	refused := false
	alice.reached = func(at string) {
		if at != "chunk read" || refused {
			return
		}
		refused = true
		_, err := e.rebuilder("bob").Run(t.Context(), defaults)
		var held *HeldError
		if !errors.As(err, &held) || held.Operator != "alice on earth" || held.Since.Before(began.Add(-time.Second)) || !strings.Contains(err.Error(), "reindex run") {
			t.Errorf("bob's run: %v", err)
		}
		if _, err := e.rebuilder("bob").Finalize(t.Context()); !errors.As(err, &held) {
			t.Errorf("bob's finalize: %v", err)
		}
		s, err := e.rebuilder("bob").Status(t.Context())
		if err != nil || s.Operator != "alice on earth" || s.Run == nil || s.Run.Phase != "backfill" {
			t.Errorf("bob's status: %+v, %v", s, err)
		}
	}
	if _, err := alice.Run(t.Context(), defaults); err != nil || !refused {
		t.Fatalf("alice's run: %v", err)
	}
}

func TestWhoeverLostTheLeaseStops(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(100)
	alice := e.rebuilder("alice")
	alice.reached = func(at string) {
		if at != "end catch-up" {
			return
		}
		// As if alice had been suspended for longer than her lease.
		e.until("bob has the lease", func() bool {
			var s record
			v, err := e.engine.ReadRecord(t.Context(), alice.recordIndex(), recordID, &s)
			e.check(err)
			s.Lease.Token, s.Lease.Operator = "another", "bob"
			_, err = e.engine.WriteRecord(t.Context(), alice.recordIndex(), recordID, v, &s)
			return err == nil // otherwise alice was just renewing it
		})
	}
	_, err := alice.Run(t.Context(), defaults)
	var held *HeldError
	if !errors.As(err, &held) || held.Operator != "bob" {
		t.Errorf("alice's run: %v", err)
	}
}

// TestAForgottenDeleteStaysDeleted springs the trap: a movie is read by a chunk,
// deleted, the delete is applied and forgotten by the engine, and then the chunk
// is written.
func TestAForgottenDeleteStaysDeleted(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(50)
	r := e.rebuilder("alice")
	sprung := false
	r.reached = func(at string) {
		status, err := r.Status(t.Context())
		e.check(err)
		switch at {
		case "chunk read":
			if sprung {
				return
			}
			e.exec(`DELETE FROM movies WHERE id = 33`)
			e.check(r.barrier(t.Context(), status.Run.Index))
			e.check(e.engine.PutSettings(t.Context(), status.Run.Index, map[string]any{"index.gc_deletes": "1ms"}))
			for range 3 { // a refresh is when the engine forgets
				e.exec(`UPDATE movies SET votes = votes + 1 WHERE id = 34`)
				e.check(r.barrier(t.Context(), status.Run.Index))
			}
			sprung = true
		case "end backfill":
			found, err := e.engine.Read(t.Context(), status.Run.Index, []int64{33})
			e.check(err)
			if len(found) == 0 {
				t.Error("the movie did not come back: the trap was not sprung, and this test proves nothing")
			}
		case "end deletes":
			found, err := e.engine.Read(t.Context(), status.Run.Index, []int64{33})
			e.check(err)
			if len(found) != 0 {
				t.Error("the deleted movie is still there")
			}
		}
	}
	s, err := r.Run(t.Context(), defaults)
	if err != nil || !sprung {
		t.Fatal(err)
	}
	e.wantSame(s.Index)
}

func TestWithoutARelay(t *testing.T) {
	t.Parallel()
	h := stillHistory{}
	e := epochs{load: func(context.Context) (kafka.RelayState, error) { return kafka.RelayState{}, nil }, patience: time.Millisecond}
	if _, err := e.current(t.Context(), h); err == nil || !strings.Contains(err.Error(), "start the relay") {
		t.Errorf("no state: %v", err)
	}
	e.load = func(context.Context) (kafka.RelayState, error) {
		return kafka.RelayState{Epoch: 1, SystemID: "7", Timeline: 2}, nil
	}
	if _, err := e.current(t.Context(), h); err == nil || !strings.Contains(err.Error(), "another database") {
		t.Errorf("another database's state: %v", err)
	}
}

// stillHistory is a database that nothing happens in.
type stillHistory struct{}

func (stillHistory) Position(context.Context) (movie.Origin, error) {
	return movie.Origin{SystemID: "7", Timeline: 1}, nil
}
func (stillHistory) VisibleLSN(context.Context) (uint64, error) { return 0, nil }
func (stillHistory) Reemit(context.Context, []int64) error      { return nil }
func (stillHistory) RowVersions(context.Context, []int64) (map[int64]uint32, error) {
	return nil, nil
}

// TestDeadLetterReplay parks what cannot be applied any more, and replays it.
func TestDeadLetterReplay(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(20)
	index := e.run().Index
	letter := func(id int64, version movie.Version, title string, offset int64) kafka.DeadLetter {
		value, err := kafka.EncodeEvent(movie.Event{ID: id, Op: movie.OpUpsert, Version: version, Movie: &movie.Movie{ID: id, Title: title}})
		e.check(err)
		return kafka.DeadLetter{Index: index, Topic: kafka.TopicChanges, Offset: offset, MovieID: id, Version: version, Reason: "a test",
			At: time.Now(), Key: kafka.EventKey(id), Value: value}
	}
	stored, err := e.engine.Read(t.Context(), index, []int64{5})
	e.check(err)
	newer := stored[5].Version + 1
	letters := []kafka.DeadLetter{
		letter(4, 1, "older than what is there", 1),
		letter(5, newer, "newer than what is there", 2),
		letter(4000, newer, "deleted long ago", 3),
		{Index: index, Topic: kafka.TopicChanges, Offset: 4, MovieID: 6, Version: 1, Reason: "a test", At: time.Now(), Key: []byte("6"), Value: []byte("{")},
	}
	e.check(e.kafka.Park(t.Context(), letters))
	var ids []string
	for i := range letters {
		ids = append(ids, letters[i].ID())
	}
	done, err := e.rebuilder("alice").Replay(t.Context(), ids)
	if err != nil || len(done) != 4 {
		t.Fatalf("got %+v, %v", done, err)
	}
	for i, want := range []string{Superseded, Sent, Superseded, Kept} {
		if done[i].Outcome != want {
			t.Errorf("%s: %+v, want %s", ids[i], done[i], want)
		}
	}
	e.check(e.rebuilder("alice").barrier(t.Context(), index))
	stored, err = e.engine.Read(t.Context(), index, []int64{4, 5, 4000})
	e.check(err)
	if len(stored) != 2 || stored[5].Version != newer || !strings.Contains(string(stored[5].Source), "newer than") {
		t.Errorf("after the replay: %v", stored)
	}
	left, err := e.rebuilder("alice").DeadLetters(t.Context())
	if err != nil || len(left) != 1 || left[0].ID() != ids[3] {
		t.Errorf("letters left: %v, %v", left, err)
	}
	if _, err := e.rebuilder("alice").DeadLetter(t.Context(), "no such"); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("a letter that is not there: %v", err)
	}
}
