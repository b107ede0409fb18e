package rebuild

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// stateAge is how old the known relay state may be. An epoch that has just been
// replaced gives versions that are too low, which is harmless: they lose.
const stateAge = 15 * time.Second

// relayPatience is how long a relay may take to start, or to notice that the
// database is another one.
const relayPatience = 20 * time.Second

// errEpochChanged: the database's history changed while an index was built.
var errEpochChanged = errors.New("the database was failed over, restored or replaced meanwhile, so what was read of it before may never have happened")

// epochs knows the relay's present state. It is safe for concurrent use.
type epochs struct {
	load     func(context.Context) (kafka.RelayState, error)
	patience time.Duration

	mu    sync.Mutex
	state kafka.RelayState
	at    time.Time
}

// current is the relay's state, which is that of the database now. It waits a
// little for a relay that is just starting.
func (e *epochs) current(ctx context.Context, history History) (kafka.RelayState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for began := time.Now(); ; {
		origin, err := history.Position(ctx)
		if err != nil {
			return kafka.RelayState{}, err
		}
		if matches(e.state, origin) && time.Since(e.at) < stateAge {
			return e.state, nil
		}
		asked := time.Now()
		e.state, err = e.load(ctx)
		if err == nil && matches(e.state, origin) {
			e.at = asked
			return e.state, nil
		}
		if time.Since(began) > e.patience {
			return kafka.RelayState{}, errors.Join(noRelay(e.state, origin), err)
		}
		select {
		case <-ctx.Done():
			return kafka.RelayState{}, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func matches(s kafka.RelayState, o movie.Origin) bool {
	return s.Epoch > 0 && s.SystemID == o.SystemID && s.Timeline == o.Timeline
}

func noRelay(s kafka.RelayState, o movie.Origin) error {
	if s.Epoch == 0 {
		return errors.New("no relay has left its state in Kafka: start the relay (cmd/relay) with the same DATABASE_URL and KAFKA_BROKERS, and run again")
	}
	return fmt.Errorf("the relay's state is that of another database (system identifier %s, timeline %d; this one has %s, %d): "+
		"start the relay (cmd/relay) on this database, or correct DATABASE_URL, and run again", s.SystemID, s.Timeline, o.SystemID, o.Timeline)
}

// stamp gives the version for documents that are read after it returns: every
// change committed at or before it is in them. The epoch must be the run's.
func (r *Rebuilder) stamp(ctx context.Context, epoch int) (movie.Version, error) {
	state, err := r.epochs.current(ctx, r.history)
	if err != nil {
		return 0, err
	}
	if state.Epoch != epoch {
		return 0, fmt.Errorf("%w: run again, it starts over", errEpochChanged)
	}
	lsn, err := r.history.VisibleLSN(ctx)
	if err != nil {
		return 0, err
	}
	return movie.NewVersion(epoch, lsn)
}

// floor gives the version at or below which everything is that was published
// before the call.
func (r *Rebuilder) floor(ctx context.Context, epoch int) (movie.Version, error) {
	if err := r.awaitRelay(ctx); err != nil {
		return 0, err
	}
	return r.stamp(ctx, epoch)
}
