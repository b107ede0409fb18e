package kafka

import (
	"context"
	"testing"

	"movies/internal/config"
	"movies/internal/stack/stacktest"
)

// newTestClient gives a client with topics of its own, 3 partitions for changes.
func newTestClient(t testing.TB) *Client {
	t.Helper()
	c := newBareClient(t)
	if _, err := c.EnsureTopics(t.Context(), TopicSettings{Partitions: 3, ReplicationFactor: 1, MinInSyncReplicas: 1}); err != nil {
		t.Fatal(err)
	}
	return c
}

// newBareClient gives a client whose topics do not exist yet.
func newBareClient(t testing.TB) *Client {
	t.Helper()
	brokers, prefix := stacktest.Kafka(t)
	c, err := NewClient(config.Kafka{Brokers: []string{brokers}, TopicPrefix: prefix}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.DeleteTopics(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("remove the test's topics: %v", err)
		}
		c.Close()
	})
	return c
}

// readAll gives the topic's messages by key, in order.
func readAll(t testing.TB, c *Client, topic string) map[string][]Message {
	t.Helper()
	all := make(map[string][]Message)
	err := c.ReadAll(t.Context(), topic, func(m Message) error {
		all[string(m.Key)] = append(all[string(m.Key)], m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
