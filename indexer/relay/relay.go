// Package relay brings committed changes from the WAL to Kafka: commits become
// batches of movies, these are read, and published as complete documents.
//
// Its promises:
//
//   - A position is confirmed to the database only after Kafka has acknowledged,
//     from all in-sync replicas, an event for every movie that the commits up to
//     it touched. A crash at any point repeats events and loses none.
//   - An event's version is the LSN of the last commit in its batch that touched
//     the movie, and its document contains every change to the movie committed at
//     or before that. For: commits arrive in the order of their LSNs; the batch is
//     read in a snapshot that sees all its commits and all that arrived before
//     (Reader); what a snapshot sees, every later one sees. So nothing committed
//     at or before the version can be missing. The document may contain more than
//     the version says, never less: what is newer has an event of its own coming.
//   - A version never goes backwards when the database does. The epoch, its high
//     part, is kept in Kafka, grows when the database's history is not the one
//     known before, and is persisted before the first event that carries it.
//   - The work for one large commit delays the others by one batch at most.
//
// Ordering by time is not promised: an event with a lower version may follow one
// with a higher. Readers go by the version.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// Source delivers commits, from being acquired until it is closed.
type Source interface {
	// Origin tells which database the commits come from.
	Origin() movie.Origin
	// Commits delivers commits in the order of their LSNs, and is closed when the
	// source fails.
	Commits() <-chan movie.Commit
	// Confirm says that all commits whose End is at or below lsn are dealt with.
	Confirm(lsn uint64)
	// Close lets go of the source after reporting what was confirmed, and gives
	// the reason for which it failed, if it did.
	Close() error
}

// Reader reads documents.
type Reader interface {
	// Read gives the movies that exist in one snapshot that sees all the named
	// transactions, for which it waits. The order does not matter.
	Read(ctx context.Context, xids []uint64, ids []int64) ([]movie.Movie, error)
}

// Publisher writes events.
type Publisher interface {
	// PublishEvents returns when all events are acknowledged by all in-sync
	// replicas. Events that can never be published are parked and come back. Events
	// that were read too long ago are refused: this relay may have been taken over
	// from meanwhile, and newer ones may be there.
	PublishEvents(ctx context.Context, read time.Time, events []movie.Event) (parked []kafka.DeadLetter, err error)
}

// StateStore keeps the relay's state outside the database.
type StateStore interface {
	LoadRelayState(ctx context.Context) (kafka.RelayState, error)
	SaveRelayState(ctx context.Context, s kafka.RelayState) error
}

// Acquire waits until this relay is the active one and gives the source.
type Acquire func(ctx context.Context) (Source, error)

// Relay is one process's attempt at being the active relay.
type Relay struct {
	acquire   Acquire
	reader    Reader
	publisher Publisher
	state     StateStore
	log       *slog.Logger
	metrics   *metrics
}

// New makes a relay; Run starts it.
func New(acquire Acquire, reader Reader, publisher Publisher, state StateStore, log *slog.Logger, register prometheus.Registerer) *Relay {
	return &Relay{acquire, reader, publisher, state, log, newMetrics(register)}
}

// The delays between sessions, after failures.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
	// healthySession is how long a session must have lasted for the delays to
	// start over.
	healthySession = time.Minute
)

// Run relays until the context ends, starting over from the last confirmed
// position whenever anything fails. It stops within seconds: what is being
// published is finished or left unconfirmed.
func (r *Relay) Run(ctx context.Context) {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.MaxInterval = firstRetry, lastRetry
	delays.RandomizationFactor = 0 // one relay is active, so none is to be kept out of step with
	for ctx.Err() == nil {
		began := time.Now()
		err := r.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > healthySession {
			delays.Reset()
		}
		delay := delays.NextBackOff()
		r.log.ErrorContext(ctx, "the relay was interrupted; nothing is lost, it goes on from the last confirmed position",
			"error", err, "retry_in", delay.String())
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

// session is the time from acquiring the source to losing it.
func (r *Relay) session(ctx context.Context) (err error) {
	source, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	r.metrics.active.Set(1)
	defer r.metrics.active.Set(0)
	defer func() {
		if closing := source.Close(); closing != nil {
			err = fmt.Errorf("change capture: %w", closing)
		}
	}()
	state, err := r.enterEpoch(ctx, source.Origin())
	if err != nil {
		return err
	}
	r.log.InfoContext(ctx, "relaying", "epoch", state.Epoch, "system_id", state.SystemID, "timeline", state.Timeline,
		"from", movie.FormatLSN(state.LSN))
	err = r.pipeline(ctx, source, state)
	if errors.Is(err, errOtherHistory) {
		next := newEpoch(state, source.Origin())
		if _, err := r.startEpoch(ctx, next, errOtherHistory.Error()); err != nil {
			return err
		}
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}
