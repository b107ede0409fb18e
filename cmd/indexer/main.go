// Command indexer feeds every index behind the alias movies-feed with the changes
// in Kafka. Run as many as the load needs, up to the topic's number of partitions.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/indexer"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/telemetry"
	"movies/search/opensearch"
)

const description = `Feeds the search indices with the changes in Kafka.

Any number may run, and they share the work; indices are found by themselves. For example:

  KAFKA_BROKERS=localhost:9092 SEARCH_URL=http://localhost:9200 indexer --metrics-addr 127.0.0.1:9102`

type settings struct {
	config.Kafka   `embed:""`
	config.Search  `embed:""`
	config.Observe `embed:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("indexer", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	if _, err := config.Parse("indexer", description, &s, args, stdout, stderr); err != nil {
		return err
	}
	log, err := telemetry.NewLogger(stderr, "indexer", s.LogLevel)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	stopTracing, err := telemetry.StartTracing(ctx, "indexer", s.OTLPEndpoint)
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = stopTracing(bounded) // spans that do not get out in time are dropped
	}()
	engine, err := opensearch.New(s.Search)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer engine.Close()
	client, err := kafka.NewClient(s.Kafka, "indexer")
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer client.Close()
	return serve(ctx, s.MetricsAddr, log, engine, client)
}

func serve(ctx context.Context, metricsAddr string, log *slog.Logger, engine *opensearch.Client, client *kafka.Client) error {
	registry := telemetry.NewRegistry()
	x := indexer.New(engine, client, "", registry, log)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { x.Run(ctx); return nil })
	g.Go(func() error {
		return telemetry.Serve(ctx, metricsAddr, registry, map[string]telemetry.Check{
			"kafka": client.Ping, "search": engine.Ping, "feeds": x.Healthy})
	})
	return g.Wait()
}
