package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDeadLettersStayUntilDiscarded(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	ctx := t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := DeadLetter{Index: "movies-1", Topic: TopicChanges, Partition: 2, Offset: 77, MovieID: 9, Version: 1 << 60,
		Reason: "mapping: ümlaut", At: at, Key: []byte("9"), Value: []byte("{\x00 not JSON")}
	other := one
	other.Index = "movies-2"
	unreadable := DeadLetter{Index: "movies-1", Topic: TopicChanges, Offset: 3, Reason: "no event", At: at}
	if err := c.Park(ctx, []DeadLetter{one, other, unreadable}); err != nil {
		t.Fatal(err)
	}
	if err := c.Park(ctx, []DeadLetter{one}); err != nil { // redelivered
		t.Fatal(err)
	}
	got, err := c.DeadLetters(ctx)
	unreadable.Key, unreadable.Value = []byte{}, []byte{}
	if diff := cmp.Diff([]DeadLetter{other, unreadable, one}, got, cmp.Comparer(time.Time.Equal)); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if err := c.Discard(ctx, []string{one.ID(), unreadable.ID()}); err != nil {
		t.Fatal(err)
	}
	got, err = c.DeadLetters(ctx)
	if err != nil || len(got) != 1 || got[0].Index != "movies-2" {
		t.Errorf("after discarding two: %+v, %v", got, err)
	}
}
