package indexer_test

import (
	"testing"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search"
)

func lookup(id int64) search.Lookup { return search.Lookup{IDs: []int64{id}} }

func TestChangesReachTheIndex(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 3)
	index := e.feedFromNow(e.create("a"))
	p := e.start(e.searchURL)
	e.publish(upsert(1, 10, "One"), upsert(2, 11, "Two"), upsert(3, 12, "Three"), deletion(2, 13))
	e.finished(index)
	for id, want := range map[int64]string{1: "One", 2: "", 3: "Three"} {
		if got := e.title(index, id); got != want {
			t.Errorf("movie %d: got %q, want %q", id, got, want)
		}
	}
	if err := p.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
	if got := p.metric(t, "movies_indexer_lag_messages"); got != 0 {
		t.Errorf("lag of %v messages reported, want 0", got)
	}
	if got := p.metric(t, "movies_indexer_events_total"); got != 4 {
		t.Errorf("%v events counted, want 4", got)
	}
}

// Older versions never win, whatever the order and however often they come.
func TestOlderVersionsNeverWin(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	e.start(e.searchURL)
	for _, event := range []movie.Event{
		upsert(1, 20, "new"), upsert(1, 10, "old"), upsert(1, 20, "new"),
		upsert(2, 10, "present"), deletion(2, 30), upsert(2, 20, "undone"), deletion(2, 30),
		deletion(3, 5), upsert(3, 6, "back"),
	} {
		e.publish(event)
		e.finished(index) // so that each is a request of its own
	}
	e.publish(upsert(4, 2, "b"), upsert(4, 1, "a"), upsert(4, 3, "c"), deletion(5, 2), upsert(5, 1, "gone"))
	e.finished(index)
	for id, want := range map[int64]string{1: "new", 2: "", 3: "back", 4: "c", 5: ""} {
		if got := e.title(index, id); got != want {
			t.Errorf("movie %d: got %q, want %q", id, got, want)
		}
	}
	if _, version := e.item(index, 4); version != 3 {
		t.Errorf("movie 4 has version %d, want 3", version)
	}
}

func TestPoisonIsParkedAndBlocksNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	p := e.start(e.searchURL)
	bad := upsert(2, 5, "bad date")
	bad.Movie.ReleaseDate = "the day after tomorrow"
	value, err := kafka.EncodeEvent(bad)
	if err != nil {
		t.Fatal(err)
	}
	err = e.kafka.Publish(t.Context(), kafka.TopicChanges, []kafka.Message{
		{Key: []byte("1"), Value: []byte(`{"schema":1,"id":"x"}`)},
		{Key: kafka.EventKey(2), Value: value},
		{Key: []byte("9"), Value: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.publish(upsert(3, 6, "good"))
	e.finished(index)
	if got := e.title(index, 3); got != "good" {
		t.Errorf("the change behind the poison: got %q", got)
	}
	letters, err := e.kafka.DeadLetters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) != 3 {
		t.Fatalf("%d dead letters, want 3: %+v", len(letters), letters)
	}
	byOffset := make(map[int64]kafka.DeadLetter)
	for _, l := range letters {
		byOffset[l.Offset] = l
		if l.Index != index || l.Topic != kafka.TopicChanges || l.Reason == "" || l.At.IsZero() {
			t.Errorf("dead letter without its origin: %+v", l)
		}
	}
	if l := byOffset[1]; string(l.Value) != string(value) || string(l.Key) != "2" || l.Version != 5 || l.MovieID != 2 {
		t.Errorf("the refused document's letter is not the original: %+v", l)
	}
	if l := byOffset[0]; string(l.Value) != `{"schema":1,"id":"x"}` {
		t.Errorf("the undecodable event's letter is not the original: %+v", l)
	}
	if got := p.metric(t, "movies_indexer_dead_letters_total"); got != 3 {
		t.Errorf("%v dead letters counted, want 3", got)
	}
}

// A heartbeat is measured when a search would show it, and leaves nothing behind.
func TestHeartbeatIsMeasured(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	p := e.start(e.searchURL)
	beat := deletion(movie.HeartbeatIDs()[0], 7)
	beat.CommittedAt = time.Now().Add(-time.Minute)
	e.publish(upsert(1, 5, "one"), beat)
	e.finished(index)
	e.eventually("the heartbeat is measured", func() error { return is(p.metric(t, "movies_indexer_heartbeat_seconds"), 1.0) })
	if got := e.title(index, 1); got != "one" {
		t.Errorf("beside a heartbeat the movie is %q", got)
	}
	if n := p.metric(t, "movies_indexer_commit_to_indexed_seconds"); n != 1 {
		t.Errorf("%v changes are measured, want the movie's alone", n)
	}
}
