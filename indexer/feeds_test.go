package indexer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"movies/indexer"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

func (e *env) eventuallyTitled(index string, id int64, want string) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("movie %d is %q in %s", id, want, index), func() error { return is(e.title(index, id), want) })
}

// Indices join and leave the feed while it runs.
func TestFeedAliasIsFollowed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	p := e.start(e.searchURL)
	a := e.feedFromNow(e.create("a"))
	e.publish(upsert(1, 1, "one"))
	e.eventuallyTitled(a, 1, "one")
	b := e.feedFromNow(e.create("b")) // from now: it does not get the first
	e.publish(upsert(2, 2, "two"))
	e.eventuallyTitled(a, 2, "two")
	e.eventuallyTitled(b, 2, "two")
	if got := e.title(b, 1); got != "" {
		t.Errorf("the second index has %q, which was before its offsets", got)
	}
	e.alias(a, true)
	e.eventually("the first index's metrics are gone", func() error {
		return is(p.metric(t, "movies_indexer_events_total", "index", a), 0.0)
	})
	e.publish(upsert(3, 3, "three"))
	e.eventuallyTitled(b, 3, "three")
	if got := e.title(a, 3); got != "" {
		t.Errorf("the index that left the feed got %q", got)
	}
}

func TestProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 4)
	index := e.feedFromNow(e.create("a"))
	first, second := e.start(e.searchURL), e.start(e.searchURL)
	next := int64(0)
	publish := func(n int64) {
		var events []movie.Event
		for range n {
			next++
			events = append(events, upsert(next, movie.Version(next), fmt.Sprint(next)))
		}
		e.publish(events...)
	}
	e.eventually("both work", func() error {
		publish(20)
		for name, p := range map[string]*process{"first": first, "second": second} {
			if p.metric(t, "movies_indexer_events_total") == 0 {
				return fmt.Errorf("the %s has no work", name)
			}
		}
		return nil
	})
	if a, b := first.metric(t, "movies_indexer_partitions"), second.metric(t, "movies_indexer_partitions"); a+b != 4 {
		t.Errorf("the processes report %v and %v partitions, want 4 together", a, b)
	}
	first.stop()
	publish(100)
	e.finished(index)
	for id := int64(1); id <= next; id++ {
		if got := e.title(index, id); got != fmt.Sprint(id) {
			t.Fatalf("movie %d: got %q", id, got)
		}
	}
}

// What was done before a crash and not committed is done again, and changes nothing.
func TestRedeliveryIsHarmless(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 2)
	index := e.feedFromNow(e.create("a"))
	p := e.start(e.searchURL)
	e.publish(upsert(1, 1, "old"), upsert(2, 2, "two"), upsert(3, 3, "three"))
	e.finished(index)
	e.publish(upsert(1, 4, "new"), deletion(2, 5))
	e.finished(index)
	p.stop()
	if err := e.kafka.SetGroupOffsets(t.Context(), indexer.GroupID(index), kafka.TopicChanges, kafka.Offsets{0: 0, 1: 0}); err != nil {
		t.Fatal(err)
	}
	p = e.start(e.searchURL)
	e.finished(index)
	for id, want := range map[int64]string{1: "new", 2: "", 3: "three"} {
		if got := e.title(index, id); got != want {
			t.Errorf("movie %d: got %q, want %q", id, got, want)
		}
	}
	if got := p.metric(t, "movies_indexer_items_total", "outcome", "done"); got != 0 {
		t.Errorf("%v writes were done again, want all superseded", got)
	}
}

// An index whose write alias is taken away holds: nothing is lost, nothing is
// parked, and other indices go on. It resumes when the alias is back.
func TestFeedHoldsWithoutItsWriteAlias(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	held, other := e.feedFromNow(e.create("a")), e.feedFromNow(e.create("b"))
	p := e.start(e.searchURL)
	e.publish(upsert(1, 1, "one"))
	e.finished(held)
	alias := opensearch.AliasAction{Alias: opensearch.WriteAlias(held), Index: held, Remove: true}
	if err := e.engine.UpdateAliases(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	e.publish(upsert(1, 2, "two"), deletion(9, 3))
	e.eventuallyTitled(other, 1, "two")
	e.eventually("the write is refused", func() error {
		if p.metric(t, "movies_indexer_items_total", "index", held, "outcome", "refused") == 0 {
			return fmt.Errorf("no item refused yet")
		}
		return nil
	})
	if got := e.title(held, 1); got != "one" {
		t.Errorf("while held the movie became %q", got)
	}
	alias.Remove = false
	if err := e.engine.UpdateAliases(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	e.finished(held)
	if got := e.title(held, 1); got != "two" {
		t.Errorf("after the hold the movie is %q", got)
	}
	if letters, err := e.kafka.DeadLetters(t.Context()); err != nil || len(letters) > 0 {
		t.Errorf("parked: %v, %v", letters, err)
	}
}

// A deleted index ends its feed and is not made again; the others go on.
func TestIndexDeletedUnderItsFeed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	gone, other := e.feedFromNow(e.create("a")), e.feedFromNow(e.create("b"))
	e.start(e.searchURL)
	e.publish(upsert(1, 1, "one"))
	e.finished(gone)
	if err := e.engine.DeleteIndex(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	e.publish(upsert(2, 2, "two"), deletion(1, 3))
	e.finished(other)
	if got := e.title(other, 2); got != "two" {
		t.Errorf("the other index has %q", got)
	}
	found, err := e.engine.Indices(t.Context(), e.indexPrefix+"*")
	if err != nil || len(found) != 1 || found[0].Name != other {
		t.Errorf("indices %v, %v; want only %s", found, err, other)
	}
}

func TestIndexThatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	body, err := mappings.Index(mappings.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	m["mappings"].(map[string]any)["_meta"] = map[string]any{"version": mappings.Version + 1}
	if body, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	foreign, own := e.feedFromNow(e.createFrom("a", body)), e.feedFromNow(e.create("b"))
	p := e.start(e.searchURL)
	e.publish(upsert(1, 1, "one"))
	e.finished(own)
	if got, err := e.engine.Read(t.Context(), foreign, []int64{1}); err != nil || len(got) != 0 {
		t.Errorf("the index of another release got %v, %v", got, err)
	}
	if err := p.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), foreign) {
		t.Errorf("healthy says %v, want the index's name", err)
	}
	if got := p.metric(t, "movies_indexer_feed_blocked", "index", foreign); got != 1 {
		t.Errorf("blocked is %v, want 1", got)
	}
	e.alias(foreign, true)
	e.eventually("all is well again", func() error { return p.Healthy(t.Context()) })
}

// Without offsets nothing is read, and with them the feed begins by itself.
func TestIndexWithoutOffsetsIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.create("a")
	e.alias(index, false)
	e.publish(upsert(1, 1, "one"))
	p := e.start(e.searchURL)
	e.eventually("it is refused", func() error {
		if err := p.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "reindex run") {
			return errors.Join(errors.New("healthy says"), err)
		}
		return nil
	})
	if got := e.title(index, 1); got != "" {
		t.Errorf("the index got %q", got)
	}
	e.eventually("offsets can be set", func() error { // not while it asks
		return e.kafka.SetGroupOffsets(t.Context(), indexer.GroupID(index), kafka.TopicChanges, kafka.Offsets{0: 0})
	})
	e.eventuallyTitled(index, 1, "one")
	e.eventually("all is well again", func() error { return p.Healthy(t.Context()) })
}

// An event of a newer release is not poison: it waits for that release.
func TestNewerEventsWait(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	p := e.start(e.searchURL)
	newer := fmt.Sprintf(`{"schema":%d,"id":1,"op":"merge"}`, kafka.EventSchema+1)
	if err := e.kafka.Publish(t.Context(), kafka.TopicChanges, []kafka.Message{{Key: []byte("1"), Value: []byte(newer)}}); err != nil {
		t.Fatal(err)
	}
	e.eventually("it is reported", func() error {
		if err := p.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "schema") {
			return errors.Join(errors.New("healthy says"), err)
		}
		return nil
	})
	lag, err := e.kafka.Lag(t.Context(), indexer.GroupID(index), kafka.TopicChanges)
	if err != nil || lag[0] != 1 {
		t.Errorf("lag %v, %v; want the event still to be read", lag, err)
	}
	if letters, err := e.kafka.DeadLetters(t.Context()); err != nil || len(letters) > 0 {
		t.Errorf("parked: %v, %v", letters, err)
	}
}

// The index is refreshed also when it has been idle for longer than the engine's
// search-idle time, after which it would otherwise wait for a search.
func TestFreshAfterIdling(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	if err := e.engine.PutSettings(t.Context(), index, map[string]any{"index.search.idle.after": "10ms"}); err != nil {
		t.Fatal(err)
	}
	e.start(e.searchURL)
	for i := range movie.Version(3) {
		event := upsert(int64(i)+1, i+1, "fresh")
		e.publish(event)
		e.eventually("the document is searchable", func() error {
			stats, err := e.engine.Stats(t.Context(), index) // not a search: it wakes nothing up
			if err != nil {
				return err
			}
			return is(stats.Docs, int64(i)+1)
		})
		t.Logf("change %d was searchable after %v", i, time.Since(event.CommittedAt))
	}
}
