package indexer

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"movies/internal/kafka"
	"movies/internal/movie"
)

func message(t testing.TB, offset int64, e movie.Event) kafka.Message {
	value, err := kafka.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	return kafka.Message{Topic: kafka.TopicChanges, Offset: offset, Key: kafka.EventKey(e.ID), Value: value}
}

// Of each movie only the highest version is left, and every message is accounted for.
func TestDecodeCoalesces(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		highest := make(map[int64]movie.Version)
		var messages []kafka.Message
		garbage := 0
		for i := range rapid.IntRange(0, 30).Draw(r, "messages") {
			if rapid.IntRange(0, 9).Draw(r, "kind") == 0 {
				messages = append(messages, kafka.Message{Offset: int64(i), Value: []byte("{")})
				garbage++
				continue
			}
			e := movie.Event{ID: rapid.Int64Range(1, 5).Draw(r, "id"), Op: movie.OpDelete, Version: movie.Version(rapid.Int64Range(1, 9).Draw(r, "version"))}
			if rapid.Bool().Draw(r, "upsert") {
				e.Op, e.Movie = movie.OpUpsert, &movie.Movie{ID: e.ID, Title: fmt.Sprint(e.Version)}
			}
			messages = append(messages, message(t, int64(i), e))
			highest[e.ID] = max(highest[e.ID], e.Version)
		}
		changes, poison, coalesced, err := decode("x", messages)
		if err != nil || len(poison) != garbage || len(changes)+coalesced+garbage != len(messages) {
			r.Fatalf("%d messages gave %d changes, %d coalesced, %d poison, %v", len(messages), len(changes), coalesced, len(poison), err)
		}
		for _, c := range changes {
			if c.event.Version != highest[c.event.ID] {
				r.Fatalf("movie %d is left at version %d, the highest is %d", c.event.ID, c.event.Version, highest[c.event.ID])
			}
			if got, err := kafka.DecodeEvent(c.message.Value); err != nil || got.Version != c.event.Version {
				r.Fatalf("movie %d: the change and its message differ", c.event.ID)
			}
			delete(highest, c.event.ID)
		}
		if len(highest) > 0 {
			r.Fatalf("movies %v are missing", highest)
		}
	})
}

func TestDecodeLeavesNewerEventsAlone(t *testing.T) {
	newer := kafka.Message{Value: fmt.Appendf(nil, `{"schema":%d}`, kafka.EventSchema+1)}
	_, poison, _, err := decode("x", []kafka.Message{newer})
	if !errors.Is(err, kafka.ErrNewerSchema) || len(poison) > 0 {
		t.Errorf("got %v and %d dead letters, want ErrNewerSchema and none", err, len(poison))
	}
}

// Whatever is kept and cut, items and changes stay together.
func TestRequestKeepAndCut(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var changes []change
		for i := range rapid.Int64Range(0, 20).Draw(r, "changes") {
			changes = append(changes, change{event: movie.Event{ID: i + 1, Op: movie.OpUpsert, Version: 1, Movie: &movie.Movie{ID: i + 1, Title: "t"}}})
		}
		first, poison := newRequest("x", changes)
		if len(poison) > 0 {
			r.Fatal(poison)
		}
		dropped := make(map[int64]bool)
		parts := []*request{first}
		for range rapid.IntRange(0, 6).Draw(r, "steps") {
			p := parts[rapid.IntRange(0, len(parts)-1).Draw(r, "part")]
			if rapid.Bool().Draw(r, "cut") {
				parts = append(parts, p.cut())
				continue
			}
			keep := rapid.SliceOfN(rapid.Bool(), p.Len(), p.Len()).Draw(r, "keep")
			for i, k := range keep {
				if !k {
					dropped[p.changes[i].event.ID] = true
				}
			}
			p.keep(func(i int) bool { return keep[i] })
		}
		seen := 0
		for _, p := range parts {
			if p.Len() != len(p.changes) {
				r.Fatalf("%d items and %d changes", p.Len(), len(p.changes))
			}
			want := new(request)
			for _, c := range p.changes {
				if dropped[c.event.ID] {
					r.Fatalf("movie %d was dropped and is there", c.event.ID)
				}
				want.changes = append(want.changes, c)
				seen++
			}
			again, _ := newRequest("x", want.changes)
			if string(again.Bytes()) != string(p.Bytes()) {
				r.Fatal("the items are not those of the changes")
			}
		}
		if seen+len(dropped) != len(changes) {
			r.Fatalf("%d of %d changes are left, %d were dropped", seen, len(changes), len(dropped))
		}
	})
}
