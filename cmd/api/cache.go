package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/api"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/telemetry"
	"movies/search"
	"movies/search/cache"
)

// cacheOptions are the settings of what is kept between the api and the search
// tier. All of it may be left out or be down: then more is asked of the tier.
type cacheOptions struct {
	config.Redis `embed:""`

	CacheMiB uint64 `name:"cache-mib" env:"CACHE_MIB" default:"128" help:"Memory for answers that are kept in the process, in MiB. [$CACHE_MIB]"`
}

// answers are the parts around the cache.
type answers struct {
	search.Searcher
	redis   *cache.Redis  // nil without REDIS_URL
	stream  *kafka.Client // nil without KAFKA_BROKERS
	changes *cache.Changes
	log     *slog.Logger
}

// new builds the parts, with the change stream of brokers where there are any, and
// adds their checks; it connects to nothing.
func (o cacheOptions) new(origin search.Searcher, brokers config.OptionalKafka, metrics prometheus.Registerer, ready map[string]telemetry.Check, log *slog.Logger) (*answers, error) {
	if o.CacheMiB < 1 {
		return nil, fmt.Errorf("CACHE_MIB (--cache-mib) must be at least 1")
	}
	a := &answers{changes: cache.NewChanges(0), log: log}
	if o.URL != "" {
		redis, err := cache.NewRedis(cache.RedisOptions{Redis: o.Redis, Log: log})
		if err != nil {
			return nil, fmt.Errorf("REDIS_URL (--redis-url): %w", err)
		}
		a.redis, ready["redis"] = redis, telemetry.Optional(redis.Ping)
	}
	if len(brokers.Brokers) > 0 {
		stream, err := kafka.NewClient(config.Kafka(brokers), "api")
		if err != nil {
			return nil, err
		}
		a.stream, ready["kafka"] = stream, telemetry.Optional(stream.Ping)
	}
	kept, err := cache.New(cache.Options{Origin: origin, Bytes: o.CacheMiB << 20, Timeout: api.DefaultReadTimeout,
		Redis: a.redis, Changes: a.changes, Metrics: metrics})
	a.Searcher = kept
	return a, err
}

// run shares answers and follows the changes of movies until the context ends.
func (a *answers) run(ctx context.Context) {
	var all sync.WaitGroup
	if a.redis != nil {
		all.Go(func() { a.redis.Run(ctx) })
	}
	if a.stream != nil {
		all.Go(func() { a.follow(ctx) })
	}
	all.Wait()
}

// followInterval is about how long a change may go unnoticed.
const followInterval = 200 * time.Millisecond

// follow tells the cache which movies change.
func (a *answers) follow(ctx context.Context) {
	failing := false
	a.stream.Follow(ctx, kafka.TopicChanges, followInterval, kafka.Follower{
		Each: func(m kafka.Message) {
			id, version, err := kafka.DecodeChange(m.Value)
			if err != nil { // it may be about any movie
				a.log.WarnContext(ctx, "a change cannot be read; movies are kept for one second only, for a while", "offset", m.Offset, "error", err)
				a.changes.Gap()
				return
			}
			a.changes.Note(id, version)
		},
		Current: func(asOf time.Time) {
			if failing {
				a.log.InfoContext(ctx, "the change stream is followed again")
			}
			failing = false
			a.changes.Current(asOf)
		},
		Gap: a.changes.Gap,
		Failed: func(err error) {
			if !failing {
				a.log.WarnContext(ctx, "the change stream cannot be followed: movies are kept for one second only; trying again", "error", err)
			}
			failing = true
		},
	})
}

func (a *answers) close() {
	if a.stream != nil {
		a.stream.Close()
	}
}
