package kafka

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnsureTopicsReportsDifferencesAndChangesNothing(t *testing.T) {
	t.Parallel()
	c := newBareClient(t)
	settings := TopicSettings{Partitions: 2, ReplicationFactor: 1, MinInSyncReplicas: 1}
	for range 2 { // to create them, and to find them
		if d, err := c.EnsureTopics(t.Context(), settings); err != nil || len(d) != 0 {
			t.Fatalf("differences %v, %v; want none", d, err)
		}
	}
	settings.Partitions = 5
	differences, err := c.EnsureTopics(t.Context(), settings)
	if err != nil || len(differences) != 1 || !strings.Contains(differences[0], "has 2 partitions, not 5") {
		t.Errorf("differences %v, %v; want one about 2 and 5 partitions", differences, err)
	}
	if n, err := c.Partitions(t.Context(), TopicChanges); err != nil || n != 2 {
		t.Errorf("now %d partitions, %v; want still 2", n, err)
	}
	safer := TopicSettings{Partitions: 2, ReplicationFactor: 2, MinInSyncReplicas: 2}
	differences, err = c.EnsureTopics(t.Context(), safer)
	if err != nil || len(differences) != len(topicSpecs(safer)) || !strings.Contains(differences[0], "min.insync.replicas=1, not 2") {
		t.Errorf("differences %v, %v; want that each topic is content with one replica", differences, err)
	}
	if _, err := c.EnsureTopics(t.Context(), TopicSettings{Partitions: 1, ReplicationFactor: 1, MinInSyncReplicas: 2}); err == nil {
		t.Error("more in-sync replicas than replicas were accepted")
	}
}

func TestGroupOffsets(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	ctx := t.Context()
	const group = "index one"
	if o, err := c.GroupOffsets(ctx, group, TopicChanges); err != nil || len(o) != 0 {
		t.Fatalf("a new group has offsets %v, %v", o, err)
	}
	var messages []Message
	for i := range 30 {
		messages = append(messages, Message{Key: EventKey(int64(i)), Value: []byte("x")})
	}
	if err := c.Publish(ctx, TopicChanges, messages); err != nil {
		t.Fatal(err)
	}
	end, err := c.EndOffsets(ctx, TopicChanges)
	if err != nil || end[0]+end[1]+end[2] != 30 {
		t.Fatalf("end offsets %v, %v; want a sum of 30", end, err)
	}
	want := Offsets{0: 1, 2: end[2]}
	if err := c.SetGroupOffsets(ctx, group, TopicChanges, want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.GroupOffsets(ctx, group, TopicChanges); err != nil || !cmp.Equal(got, want) {
		t.Errorf("offsets %v, %v; want %v", got, err, want)
	}
	lag, err := c.Lag(ctx, group, TopicChanges)
	if want := map[int]int64{0: end[0] - 1, 1: end[1], 2: 0}; err != nil || !cmp.Equal(lag, want) {
		t.Errorf("lag %v, %v; want %v", lag, err, want)
	}
	for range 2 { // deleting what is gone is no error
		if err := c.DeleteGroup(ctx, group); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.GroupOffsets(ctx, group, TopicChanges); err != nil || len(got) != 0 {
		t.Errorf("a deleted group has offsets %v, %v", got, err)
	}
}
