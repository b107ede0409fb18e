package kafka

import (
	"fmt"
	"testing"
	"time"
)

func TestOffsetsSince(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	now := time.Now()
	var messages []Message
	for i := range 30 {
		messages = append(messages, Message{Key: fmt.Append(nil, i), Value: []byte("old"), Time: now.Add(-3 * time.Minute)})
	}
	if err := c.Publish(t.Context(), TopicChanges, messages); err != nil {
		t.Fatal(err)
	}
	ends, err := c.EndOffsets(t.Context(), TopicChanges)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(t.Context(), TopicChanges, []Message{{Key: []byte("7"), Value: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		at   time.Time
		want Offsets
	}{{now.Add(-4 * time.Minute), Offsets{0: 0, 1: 0, 2: 0}}, {now.Add(-time.Minute), ends}} {
		got, err := c.OffsetsSince(t.Context(), TopicChanges, x.at)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(x.want) {
			t.Errorf("since %s: %v, want %v, %v", x.at, got, x.want, err)
		}
	}
}
