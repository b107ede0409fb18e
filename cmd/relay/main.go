// Command relay brings committed changes of the catalogue from Postgres to Kafka.
// Run two or more: one relays, the others stand by and take over in seconds.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/indexer/relay"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres"
	"movies/internal/telemetry"
)

const description = `Relays committed changes of the catalogue to Kafka.

Any number may run: one is active, the others stand by. For example:

  DATABASE_URL=postgres://movies@localhost/movies KAFKA_BROKERS=localhost:9092 relay`

type settings struct {
	config.Postgres
	config.Kafka
	config.Observe
	Topics topics `embed:""`
	Slot   string `name:"slot" env:"RELAY_SLOT" default:"movies_relay" help:"Name of the replication slot. [$RELAY_SLOT]"`
}

// topics are the settings of topics that do not exist yet.
type topics struct {
	Partitions int `name:"topic-partitions" env:"TOPIC_PARTITIONS" default:"6" help:"Partitions of movies.changes where it is to be created: the most processes that can feed one index. [$TOPIC_PARTITIONS]"`
	Replicas   int `name:"topic-replicas" env:"TOPIC_REPLICAS" default:"1" help:"Replicas of the topics that are to be created; 3 in production. [$TOPIC_REPLICAS]"`
	MinInSync  int `name:"topic-min-in-sync" env:"TOPIC_MIN_IN_SYNC" default:"1" help:"Replicas that must have a change before it counts as published; 2 in production. [$TOPIC_MIN_IN_SYNC]"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("relay", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var s settings
	if _, err := config.Parse("relay", description, &s, args, stdout, stderr); err != nil {
		return err
	}
	log, err := telemetry.NewLogger(stderr, "relay", s.LogLevel)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	stopTracing, err := telemetry.StartTracing(ctx, "relay", s.OTLPEndpoint)
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = stopTracing(bounded) // spans that do not get out in time are dropped
	}()
	capture, err := postgres.NewCapture(string(s.DatabaseURL), s.Slot, log)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer capture.Close()
	client, err := kafka.NewClient(s.Kafka, "relay")
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer client.Close()
	return serve(ctx, &s, log, capture, client)
}

func serve(ctx context.Context, s *settings, log *slog.Logger, capture *postgres.Capture, client *kafka.Client) error {
	registry := telemetry.NewRegistry()
	capture.Announce = func(ctx context.Context) error { return relay.Announce(ctx, client) }
	acquire := func(ctx context.Context) (relay.Source, error) {
		if err := s.Topics.ensure(ctx, client, log); err != nil {
			return nil, err
		}
		return capture.Acquire(ctx)
	}
	r := relay.New(acquire, capture, client, client, log, registry)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { r.Run(ctx); return nil })
	g.Go(func() error { relay.WatchCapture(ctx, capture.Health, log, registry); return nil })
	g.Go(func() error { relay.Beat(ctx, capture.Beat, log); return nil })
	g.Go(func() error {
		return telemetry.Serve(ctx, s.MetricsAddr, registry, map[string]telemetry.Check{"postgres": capture.Ping, "kafka": client.Ping})
	})
	return g.Wait()
}

// ensure creates missing topics and says how existing ones differ.
func (t topics) ensure(ctx context.Context, client *kafka.Client, log *slog.Logger) error {
	differences, err := client.EnsureTopics(ctx, kafka.TopicSettings{
		Partitions: t.Partitions, ReplicationFactor: t.Replicas, MinInSyncReplicas: t.MinInSync})
	for _, d := range differences {
		log.WarnContext(ctx, "an existing topic differs from the settings and is left as it is", "difference", d)
	}
	return err
}

// Validate implements kong's validation.
func (t topics) Validate() error {
	err := kafka.TopicSettings{Partitions: t.Partitions, ReplicationFactor: t.Replicas, MinInSyncReplicas: t.MinInSync}.Validate()
	if err != nil {
		return fmt.Errorf("TOPIC_PARTITIONS, TOPIC_REPLICAS, TOPIC_MIN_IN_SYNC (--topic-...): %w", err)
	}
	return nil
}
