package cache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"movies/internal/config"
)

// Redis keeps answers for all replicas. What was read from it is also kept in the
// process by the client, and Redis says when another replica has replaced it
// (server-assisted client-side caching), so that asking again costs no round trip
// until there is something new.
//
// Every command has a short deadline. After tripAfter failures in a
// row Redis is left alone for restTime, and then one command tries again. A nil
// Redis keeps nothing. It is safe for concurrent use.
type Redis struct {
	options  rueidis.ClientOption
	prefix   string
	deadline time.Duration
	log      *slog.Logger
	client   atomic.Pointer[rueidis.Client]
	breaker  circuitbreaker.CircuitBreaker[any]
	metrics  redisMetrics
}

type redisMetrics struct {
	commands *prometheus.CounterVec
	up       prometheus.GaugeFunc
}

const (
	// DefaultDeadline is what one command may take: many times what it does take.
	DefaultDeadline = 50 * time.Millisecond
	tripAfter       = 5
	restTime        = time.Second
	// connectTimeout bounds making a connection, which no question waits for.
	connectTimeout = time.Second
	// clientBytes bounds what the client keeps in the process.
	clientBytes = 16 << 20
	// lockTime is how long one replica may keep the others waiting for its answer;
	// they also give up by themselves.
	lockTime = time.Second
)

// RedisOptions name a server.
type RedisOptions struct {
	config.Redis
	// Prefix is put before every key.
	Prefix string
	// Deadline of every command; 0 means DefaultDeadline.
	Deadline time.Duration
	Log      *slog.Logger
}

// NewRedis prepares the way to a server; it connects in Run.
func NewRedis(cfg RedisOptions) (*Redis, error) {
	o, err := rueidis.ParseURL(string(cfg.URL))
	if err != nil {
		return nil, fmt.Errorf("not a Redis URL: %w", err)
	}
	if cfg.CAFile != "" {
		if o.TLSConfig == nil {
			return nil, errors.New("a CA file needs a URL that begins with rediss://")
		}
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", cfg.CAFile)
		}
	}
	o.Dialer.Timeout = connectTimeout
	o.ConnWriteTimeout = connectTimeout
	o.CacheSizeEachConn = clientBytes
	o.PipelineMultiplex = -1 // one connection: what it keeps is not kept again by others
	o.AlwaysPipelining = true
	o.DisableRetry = true
	o.ForceSingleClient = true
	r := &Redis{options: o, log: cfg.Log, deadline: cmp.Or(cfg.Deadline, DefaultDeadline),
		prefix: cfg.Prefix + "movies:" + strconv.Itoa(codecVersion) + ":"}
	r.breaker = circuitbreaker.NewBuilder[any]().WithFailureThreshold(tripAfter).WithDelay(restTime).
		OnOpen(func(circuitbreaker.StateChangedEvent) {
			cfg.Log.Warn("redis cache: left alone, it fails or is too slow")
		}).
		OnClose(func(circuitbreaker.StateChangedEvent) { cfg.Log.Info("redis cache: used again") }).
		Build()
	r.metrics = newRedisMetrics(r)
	return r, nil
}

func newRedisMetrics(r *Redis) redisMetrics {
	return redisMetrics{
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "movies_cache_redis_commands_total",
			Help: "Commands to Redis by outcome: hit and local hit (kept by the client), miss, stored, locked, busy (locked by another replica), failed; rested were not sent while Redis is left alone.",
		}, []string{"outcome"}),
		up: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "movies_cache_redis_up", Help: "1 while Redis is used, 0 while it is left alone or was never reached.",
		}, func() float64 {
			if r.client.Load() != nil && r.breaker.IsClosed() {
				return 1
			}
			return 0
		}),
	}
}

// Run connects, trying again while Redis is away, and holds the connection until
// the context ends.
func (r *Redis) Run(ctx context.Context) {
	if r == nil {
		return
	}
	for told := false; ; told = true {
		client, err := rueidis.NewClient(r.options)
		if err == nil {
			r.client.Store(&client)
			r.log.InfoContext(ctx, "redis cache: connected")
			<-ctx.Done()
			r.client.Store(nil)
			client.Close()
			return
		}
		if !told {
			r.log.WarnContext(ctx, "redis cache: cannot connect, answers are kept in the process alone; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(restTime):
		}
	}
}

// Ping tells whether Redis is used.
func (r *Redis) Ping(ctx context.Context) error {
	_, err := r.do(ctx, func(ctx context.Context, c rueidis.Client) (any, error) {
		return nil, c.Do(ctx, c.B().Ping().Build()).Error()
	})
	return err
}

// do sends a command, bounded, unless Redis is left alone.
func (r *Redis) do(ctx context.Context, command func(context.Context, rueidis.Client) (any, error)) (any, error) {
	client := r.client.Load()
	if client == nil || !r.breaker.TryAcquirePermit() {
		r.count("rested")
		return nil, errRests
	}
	ctx, cancel := context.WithTimeout(ctx, r.deadline)
	defer cancel()
	answer, err := command(ctx, *client)
	if err != nil && !rueidis.IsRedisNil(err) {
		r.breaker.RecordFailure()
		r.count("failed")
		return nil, err
	}
	r.breaker.RecordSuccess()
	return answer, err
}

var errRests = errors.New("redis is not connected, or left alone after failures")

func (r *Redis) count(outcome string) { r.metrics.commands.WithLabelValues(outcome).Inc() }

// name is a key's name in Redis: of a bounded length, whatever was asked.
func (r *Redis) name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return r.prefix + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// get returns what is kept under the key, or nil.
func (r *Redis) get(ctx context.Context, kind, key string) *entry {
	return r.getMany(ctx, kind, []string{key})[0]
}

// getMany returns what is kept under each key, nil where nothing is.
func (r *Redis) getMany(ctx context.Context, kind string, keys []string) []*entry {
	out := make([]*entry, len(keys))
	if r == nil {
		return out
	}
	answers, err := r.do(ctx, func(ctx context.Context, c rueidis.Client) (any, error) {
		commands := make([]rueidis.CacheableTTL, len(keys))
		for i, key := range keys {
			commands[i] = rueidis.CT(c.B().Get().Key(r.name(key)).Cache(), boundsOfSearch.usable)
		}
		results := c.DoMultiCache(ctx, commands...)
		for _, result := range results {
			if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
				return nil, err
			}
		}
		return results, nil
	})
	if err != nil {
		return out
	}
	for i, result := range answers.([]rueidis.RedisResult) {
		out[i] = r.read(kind, result)
	}
	return out
}

func (r *Redis) read(kind string, result rueidis.RedisResult) *entry {
	raw, err := result.AsBytes()
	if err != nil {
		r.count("miss")
		return nil
	}
	e, err := decode(kind, raw)
	switch {
	case err != nil:
		r.count("miss")
		return nil
	case result.IsCacheHit():
		r.count("local hit")
	default:
		r.count("hit")
	}
	return e
}

// put keeps an answer for as long as it may be of use.
func (r *Redis) put(ctx context.Context, kind, key string, e *entry) {
	if r == nil {
		return
	}
	value, err := encode(e)
	if err != nil {
		r.log.ErrorContext(ctx, "redis cache: an answer cannot be kept", "kind", kind, "error", err)
		return
	}
	_, err = r.do(ctx, func(ctx context.Context, c rueidis.Client) (any, error) {
		return nil, c.Do(ctx, c.B().Set().Key(r.name(key)).Value(rueidis.BinaryString(value)).Px(StaleIfError).Build()).Error()
	})
	if err == nil {
		r.count("stored")
	}
}

// lock takes the right to ask the origin, for lockTime at most. elsewhere says
// that another replica has it; where Redis cannot tell, everybody has it.
func (r *Redis) lock(ctx context.Context, key string) (unlock func(), elsewhere bool) {
	unlock = func() {}
	if r == nil {
		return unlock, false
	}
	name := r.name(key) + ":lock"
	_, err := r.do(ctx, func(ctx context.Context, c rueidis.Client) (any, error) {
		return nil, c.Do(ctx, c.B().Set().Key(name).Value("1").Nx().Px(lockTime).Build()).Error()
	})
	switch {
	case rueidis.IsRedisNil(err):
		r.count("busy")
		return unlock, true
	case err != nil:
		return unlock, false
	}
	r.count("locked")
	taken := time.Now()
	return func() {
		if time.Since(taken) > lockTime-r.deadline {
			return // it ends by itself, or is another's already
		}
		_, _ = r.do(ctx, func(ctx context.Context, c rueidis.Client) (any, error) {
			return nil, c.Do(ctx, c.B().Del().Key(name).Build()).Error()
		})
	}, false
}

func (r *Redis) collectors() []prometheus.Collector {
	if r == nil {
		return nil
	}
	return []prometheus.Collector{r.metrics.commands, r.metrics.up}
}
