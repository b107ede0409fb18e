package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/internal/telemetry"
	"movies/search"
)

// behind is a search tier that has not heard of any change.
type behind struct {
	search.Searcher
	lookups atomic.Int64
}

func (b *behind) Lookup(_ context.Context, l search.Lookup) ([]search.Item, error) {
	b.lookups.Add(1)
	return []search.Item{{Movie: movie.Movie{ID: l.IDs[0], Title: "old"}, Version: 1}}, nil
}

// TestChangesReachTheCache: what is published to the change stream is known to the
// cache of every process, and a movie of an older version is not kept.
func TestChangesReachTheCache(t *testing.T) {
	t.Parallel()
	address, prefix := stacktest.Kafka(t)
	brokers := config.OptionalKafka{Brokers: []string{address}, TopicPrefix: prefix}
	publisher, err := kafka.NewClient(config.Kafka(brokers), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.DeleteTopics(context.WithoutCancel(t.Context())); publisher.Close() })
	tier := &behind{}
	a, err := cacheOptions{CacheMiB: 1}.new(tier, brokers, prometheus.NewRegistry(), map[string]telemetry.Check{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.run(ctx) }) // before there is a topic: it waits for one
	t.Cleanup(func() { stop(); running.Wait(); a.close() })
	if _, err := publisher.EnsureTopics(t.Context(), kafka.TopicSettings{Partitions: 2, ReplicationFactor: 1, MinInSyncReplicas: 1}); err != nil {
		t.Fatal(err)
	}
	current := func(after time.Time) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !a.changes.AsOf().After(after); <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the change stream is not followed")
			}
		}
	}
	current(time.Time{})
	parked, err := publisher.PublishEvents(t.Context(), time.Now(), []movie.Event{{ID: 7, Op: movie.OpUpsert, Version: 9, Movie: &movie.Movie{ID: 7, Title: "new"}}})
	if err != nil || len(parked) > 0 {
		t.Fatal(err, parked)
	}
	current(time.Now())
	for range 3 {
		if _, err := a.Lookup(t.Context(), search.Lookup{IDs: []int64{7}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := tier.lookups.Load(); n != 3 {
		t.Errorf("%d of 3 questions for a movie that changed reached the search tier, which is behind: its old answer was kept", n)
	}
}
