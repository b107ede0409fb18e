package relay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/mutant"
)

const (
	// stateEvery is how often the published position is persisted. It is compared
	// with the server's position at the next start; the rest of the state is not
	// time-critical.
	stateEvery = 5 * time.Second
	// repairCheck is how often it is looked whether a repair has been done.
	repairCheck = 5 * time.Second
	// finishWithin is how long a batch that is being published may take when the
	// relay stops.
	finishWithin = 5 * time.Second
)

// readBatch is a batch with its events.
type readBatch struct {
	batch
	events []movie.Event
	began  time.Time
}

// pipeline relays until the context ends or a part fails. Three parts work at
// once, each on its own batch: gathering, reading, publishing. While reading is
// busy, commits gather; when it is idle, a commit waits for nothing.
func (r *Relay) pipeline(ctx context.Context, source Source, state kafka.RelayState) error {
	batches, ready := make(chan batch), make(chan struct{})
	read := make(chan readBatch)
	past := history{known: position{state.LSN, state.XID}, from: source.Origin().Start}
	var published atomic.Pointer[position]
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(batches); return r.gather(ctx, source, &past, batches, ready) })
	g.Go(func() error { defer close(read); return r.read(ctx, state.Epoch, batches, ready, read) })
	g.Go(func() error { return r.publish(ctx, source, read, &published) })
	g.Go(func() error { return r.remember(ctx, state, &published) })
	g.Go(func() error { return r.watchRepair(ctx, state) })
	return g.Wait()
}

// gather takes commits in and gives a batch out whenever the reader is ready.
func (r *Relay) gather(ctx context.Context, source Source, past *history, out chan<- batch, ready <-chan struct{}) error {
	var waiting backlog
	take := func(c movie.Commit) error {
		waiting.add(c)
		r.metrics.took(c)
		return past.check(c)
	}
	for {
		in, asked := source.Commits(), ready
		if waiting.full() {
			in = nil
		}
		if waiting.empty() {
			asked = nil
		}
		select {
		case c, ok := <-in:
			if !ok {
				return errors.New("change capture ended") // Close says why
			}
			if err := take(c); err != nil {
				return err
			}
		case <-asked:
			if err := takeAvailable(source.Commits(), &waiting, take); err != nil {
				return err
			}
			select {
			case out <- waiting.next():
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		r.metrics.backlog.Set(float64(waiting.movies))
	}
}

// takeAvailable takes in, for the batch about to be made, what is there already.
func takeAvailable(in <-chan movie.Commit, waiting *backlog, take func(movie.Commit) error) error {
	for waiting.movies < batchMovies {
		select {
		case c, ok := <-in:
			if !ok {
				return nil // gather finds out
			}
			if err := take(c); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// read turns batches into events.
func (r *Relay) read(ctx context.Context, epoch int, in <-chan batch, ready chan<- struct{}, out chan<- readBatch) error {
	for {
		select {
		case ready <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		b, ok := <-in
		if !ok {
			return nil
		}
		done, err := r.readOne(ctx, epoch, b)
		if err != nil {
			return fmt.Errorf("read %d movies: %w", len(b.movies), err)
		}
		select {
		case out <- done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Relay) readOne(ctx context.Context, epoch int, b batch) (readBatch, error) {
	ctx, span := tracer().Start(ctx, "relay batch", trace.WithAttributes(attribute.Int("movies", len(b.movies))))
	defer span.End()
	began := time.Now()
	ids := make([]int64, len(b.movies))
	for i, c := range b.movies {
		ids[i] = c.id
	}
	movies, err := r.reader.Read(ctx, b.xids, ids)
	if err != nil {
		return readBatch{}, err
	}
	events, err := makeEvents(epoch, b.movies, movies, traceParent(ctx))
	r.metrics.reading.Observe(time.Since(began).Seconds())
	return readBatch{b, events, began}, err
}

// makeEvents pairs changes with documents; a movie that was not there is a delete.
func makeEvents(epoch int, changes []change, movies []movie.Movie, traceParent string) ([]movie.Event, error) {
	byID := make(map[int64]*movie.Movie, len(movies))
	for i := range movies {
		byID[movies[i].ID] = &movies[i]
	}
	events := make([]movie.Event, len(changes))
	for i, c := range changes {
		version, err := movie.NewVersion(epoch, c.lsn)
		if err != nil {
			return nil, err
		}
		events[i] = movie.Event{ID: c.id, Op: movie.OpUpsert, Version: version, Movie: byID[c.id], CommittedAt: c.at, TraceParent: traceParent}
		if events[i].Movie == nil {
			events[i].Op = movie.OpDelete
		}
	}
	return events, nil
}

// publish writes batches in order and confirms them. A batch under way when the
// relay stops is finished within a bound.
func (r *Relay) publish(ctx context.Context, source Source, in <-chan readBatch, published *atomic.Pointer[position]) error {
	for b := range in {
		if mutant.On(mutant.ConfirmBeforeAck) {
			source.Confirm(b.confirm.lsn)
		}
		if err := r.publishOne(ctx, b); err != nil {
			return fmt.Errorf("publish %d events: %w", len(b.events), err)
		}
		source.Confirm(b.confirm.lsn)
		published.Store(&b.confirm)
	}
	return nil
}

func (r *Relay) publishOne(ctx context.Context, b readBatch) error {
	ctx, cancel := bounded(ctx, finishWithin)
	defer cancel()
	began := time.Now()
	parked, err := r.publisher.PublishEvents(ctx, b.began, b.events)
	if err != nil {
		return err
	}
	for _, p := range parked {
		r.log.ErrorContext(ctx, "event parked: Kafka will never take it", "movie_id", p.MovieID, "version", p.Version.String(), "reason", p.Reason)
	}
	r.metrics.sent(b, time.Since(began), len(parked))
	r.logChanges(ctx, b)
	return nil
}

// bounded gives a context that outlives its parent by at most the given time.
func bounded(parent context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(by, cancel) })
	return ctx, func() { stop(); cancel() }
}

// remember persists the published position every few seconds.
func (r *Relay) remember(ctx context.Context, state kafka.RelayState, published *atomic.Pointer[position]) error {
	ticker := time.NewTicker(stateEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		p := published.Load()
		if p == nil || p.lsn <= state.LSN {
			continue
		}
		state.LSN, state.XID, state.At = p.lsn, p.xid, time.Now()
		if err := r.state.SaveRelayState(ctx, state); err != nil {
			return fmt.Errorf("persist position %s: %w", movie.FormatLSN(p.lsn), err)
		}
	}
}

// watchRepair shows when a repair that is due has been done.
func (r *Relay) watchRepair(ctx context.Context, state kafka.RelayState) error {
	if state.RepairSince.IsZero() {
		return nil // it becomes due in another session
	}
	ticker := time.NewTicker(repairCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if s, err := r.state.LoadRelayState(ctx); err == nil && s.Epoch == state.Epoch && s.RepairSince.IsZero() {
			r.metrics.repair(s)
			return nil
		}
	}
}

func tracer() trace.Tracer { return otel.Tracer("movies/indexer/relay") }

// traceParent is the W3C form of the context's span, or empty when none records.
func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}
