package main

import (
	"cmp"
	"context"
	"log/slog"

	"movies/indexer/rebuild"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres"
	"movies/search/opensearch"
)

// clusters are what every command needs.
type clusters struct {
	config.Kafka  `embed:""`
	config.Search `embed:""`
}

// Validate implements kong's validation.
func (c clusters) Validate() error { return cmp.Or(c.Kafka.Validate(), c.Search.Validate()) }

// everything adds the database.
type everything struct {
	clusters        `embed:""`
	config.Postgres `embed:""`
	Slot            string `name:"slot" env:"RELAY_SLOT" default:"movies_relay" help:"Name of the relay's replication slot. [$RELAY_SLOT]"`
}

// Validate implements kong's validation.
func (e everything) Validate() error { return cmp.Or(e.clusters.Validate(), e.Postgres.Validate()) }

var _ rebuild.History = historyOf{}

// historyOf picks what a rebuild asks of each.
type historyOf struct {
	*postgres.Catalog
	capture *postgres.Capture
}

// VisibleLSN implements rebuild.History.
func (h historyOf) VisibleLSN(ctx context.Context) (uint64, error) { return h.capture.VisibleLSN(ctx) }

// open connects to the clusters and gives the work a rebuilder.
func (c clusters) open(t *terminal, work func(*rebuild.Rebuilder) error) error {
	return c.with(t, nil, nil, work)
}

func (c clusters) with(t *terminal, source rebuild.Source, history rebuild.History, work func(*rebuild.Rebuilder) error) error {
	engine, err := opensearch.New(c.Search)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer engine.Close()
	log, err := kafka.NewClient(c.Kafka, "reindex")
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer log.Close()
	return work(rebuild.New(engine, log, source, history, rebuild.Options{Operator: operator(), Out: t.stderr, JSON: t.json}))
}

// open connects to the database, too.
func (e everything) open(ctx context.Context, t *terminal, work func(*rebuild.Rebuilder) error) error {
	catalog, err := postgres.Open(ctx, string(e.DatabaseURL))
	if err != nil {
		return err
	}
	defer catalog.Close()
	capture, err := postgres.NewCapture(string(e.DatabaseURL), e.Slot, slog.New(slog.DiscardHandler))
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer capture.Close()
	return e.with(t, catalog, historyOf{catalog, capture}, work)
}
