package rebuild

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"movies/internal/movie"
	"movies/search/opensearch"
)

// defaultLease is how long a lease lasts that nobody renews.
const defaultLease = 10 * time.Second

// recordID is the one record's name in its index.
const recordID = "state"

func (r *Rebuilder) recordIndex() string { return r.options.Prefix + "movies-reindex" }

// holder is who is at work.
type holder struct {
	Token    string    `json:"token"`
	Operator string    `json:"operator"`
	Command  string    `json:"command"`
	Since    time.Time `json:"since"`
	Renewed  time.Time `json:"renewed"`
}

// HeldError is another operator being at work.
type HeldError struct {
	Operator, Command string
	Since             time.Time
	Lease             time.Duration
}

// Error says who, since when, and what can be done.
func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is at work (%s) since %s: wait for it to end, or stop it; a process that died is taken over from after %s",
		e.Operator, e.Command, e.Since.UTC().Format("2006-01-02 15:04:05 UTC"), e.Lease)
}

// lease is the right to change things. Whoever holds it renews it by writing the
// record; whoever wants it watches the record, and takes the lease over when
// nothing was written for its whole length. No two clocks are compared. Every
// write expects the record as the holder last wrote it, so a holder that has been
// taken over from can write nothing more. It is safe for concurrent use.
type lease struct {
	engine *opensearch.Client
	index  string
	length time.Duration
	token  string

	mu      sync.Mutex
	record  record
	version opensearch.RecordVersion
}

// acquire takes the lease, or gives a *HeldError.
func (r *Rebuilder) acquire(ctx context.Context, command string) (*lease, error) {
	if err := r.engine.EnsureRecords(ctx, r.recordIndex()); err != nil {
		return nil, fmt.Errorf("keep the state of rebuilds: %w", err)
	}
	l := &lease{engine: r.engine, index: r.recordIndex(), length: r.options.Lease, token: rand.Text()}
	for {
		if err := l.await(ctx, r.say); err != nil {
			return nil, err
		}
		now := time.Now().UTC()
		l.record.Lease = &holder{Token: l.token, Operator: r.options.Operator, Command: command, Since: now, Renewed: now}
		version, err := l.engine.WriteRecord(ctx, l.index, recordID, l.version, &l.record)
		switch {
		case err == nil:
			l.version = version
			return l, nil
		case !errors.Is(err, movie.ErrConflict): // otherwise somebody was faster
			return nil, fmt.Errorf("take the lease: %w", err)
		}
	}
}

// read reads the record; there may be none yet.
func (l *lease) read(ctx context.Context) (v opensearch.RecordVersion, err error) {
	l.record = record{}
	v, err = l.engine.ReadRecord(ctx, l.index, recordID, &l.record)
	if errors.Is(err, movie.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return v, fmt.Errorf("read the state of rebuilds: %w", err)
	}
	l.version = v
	return v, nil
}

// await watches the lease until it is free: nobody has it, it is given back, or it
// has run out. It gives up when the lease is renewed twice, which is a *HeldError:
// a single write may be the last one of a process that has died since, carried
// out late.
func (l *lease) await(ctx context.Context, say reporter) error {
	seen, err := l.read(ctx)
	if err != nil || l.record.Lease == nil {
		return err
	}
	h := l.record.Lease
	deadline := time.NewTimer(l.length)
	defer deadline.Stop()
	ticker := time.NewTicker(l.length / 20)
	defer ticker.Stop()
	announce := time.After(l.length * 2 / 3)
	written := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			say.line("taking over from %s, which has not been heard of for %s", h.Operator, l.length)
			return nil
		case <-announce:
			say.line("%s is not heard of; taking over when its lease has run out", h.Operator)
		case <-ticker.C:
			now, err := l.read(ctx)
			if err != nil {
				return err
			}
			if l.record.Lease == nil {
				return nil
			}
			switch {
			case now == seen:
			case written:
				return l.held(l.record.Lease)
			default:
				seen, written = now, true
				deadline.Reset(l.length)
			}
		}
	}
}

func (l *lease) held(h *holder) error {
	return &HeldError{Operator: h.Operator, Command: h.Command, Since: h.Since, Lease: l.length}
}

// keep renews the lease until the context ends. It ends the context when the
// lease has been lost.
func (l *lease) keep(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(l.length / 5)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var held *HeldError
		if err := l.update(ctx, func(*record) {}); errors.As(err, &held) {
			lost(fmt.Errorf("stopped: %w", err))
			return
		}
	}
}

// run is the rebuild in the record, nil if there has been none. It must not be
// changed except by update.
func (l *lease) run() *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.Run.clone()
}

func (l *lease) forgetting() *forgetting {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.Forgetting
}

// update changes the record and writes it, which renews the lease. A cluster
// that does not answer is asked again until the context ends. The error is a
// *HeldError when the lease was lost.
func (l *lease) update(ctx context.Context, change func(*record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.record
	next.Run = l.record.Run.clone()
	renewed := *l.record.Lease
	renewed.Renewed = time.Now().UTC()
	next.Lease = &renewed
	change(&next)
	if err := l.write(ctx, &next); err != nil {
		return fmt.Errorf("write the state of the rebuild: %w", err)
	}
	return nil
}

func (l *lease) write(ctx context.Context, next *record) error {
	const pause = 200 * time.Millisecond
	for {
		version, err := l.engine.WriteRecord(ctx, l.index, recordID, l.version, next)
		switch {
		case err == nil:
			l.record, l.version = *next, version
			return nil
		case errors.Is(err, movie.ErrConflict):
			// An earlier attempt may have been carried out though its answer was
			// lost: then the record is still ours.
			var found record
			version, err := l.engine.ReadRecord(ctx, l.index, recordID, &found)
			switch {
			case err == nil && found.Lease != nil && found.Lease.Token != l.token:
				return l.held(found.Lease)
			case err == nil && found.Lease == nil, errors.Is(err, movie.ErrNotFound):
				return &HeldError{Operator: "another operator", Command: "which has ended", Since: time.Now(), Lease: l.length}
			case err == nil:
				l.version = version
			}
		case !errors.Is(err, movie.ErrUnavailable):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// release gives the lease back. Where that fails, it runs out by itself.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), l.length)
	defer cancel()
	_ = l.update(ctx, func(s *record) { s.Lease = nil })
}

// underLease does work that only one operator may do at a time.
func (r *Rebuilder) underLease(ctx context.Context, command string, work func(context.Context, *lease) error) error {
	l, err := r.acquire(ctx, command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		l.keep(ctx, cancel)
	}()
	if err = r.makeUp(ctx, l); err == nil {
		err = work(ctx, l)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause // the lease is lost, and that is why the work failed
	}
	cancel(nil)
	<-renewing
	l.release()
	return err
}

// makeUp ends what an operator that was killed has left halfway, before anything
// else is done.
func (r *Rebuilder) makeUp(ctx context.Context, l *lease) error {
	return cmp.Or(r.releaseHolds(ctx), r.remember(ctx, l))
}
