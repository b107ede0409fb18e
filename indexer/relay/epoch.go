package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// repairCommand compares the index with the database and puts right what events
// cannot: documents that a lost commit left behind, changes nobody captured.
const repairCommand = "reindex verify --repair"

// Announce leaves word that capture is about to begin, unless there is a state
// already. It is to be called before a slot is created: a slot without a state is
// then one whose relay died before it wrote the first one, and a slot without
// either is one whose state is gone.
func Announce(ctx context.Context, store StateStore) error {
	known, err := store.LoadRelayState(ctx)
	if err != nil || known.Epoch > 0 {
		return err
	}
	if err := store.SaveRelayState(ctx, kafka.RelayState{At: time.Now()}); err != nil {
		return fmt.Errorf("announce the first slot: %w", err)
	}
	return nil
}

// enterEpoch compares the database with the one known before, and starts a new
// epoch where its history is another. The new epoch is persisted before anything
// is published under it.
func (r *Relay) enterEpoch(ctx context.Context, origin movie.Origin) (kafka.RelayState, error) {
	known, err := r.state.LoadRelayState(ctx)
	if err != nil {
		return known, err
	}
	state, reason := nextState(known, origin)
	if state.Epoch != known.Epoch {
		state, err = r.startEpoch(ctx, state, reason)
	}
	r.metrics.entered(state)
	return state, err
}

// startEpoch persists the first state of an epoch, and says what is to be done
// when there is a reason to repair the index for.
func (r *Relay) startEpoch(ctx context.Context, state kafka.RelayState, reason string) (kafka.RelayState, error) {
	state.At = time.Now()
	if reason != "" {
		state.RepairReason, state.RepairSince = reason, state.At
		r.log.WarnContext(ctx, "new epoch: the search index may differ from the database; run: "+repairCommand,
			"reason", reason, "epoch", state.Epoch)
	}
	if err := r.state.SaveRelayState(ctx, state); err != nil {
		return state, fmt.Errorf("persist epoch %d: %w", state.Epoch, err)
	}
	return state, nil
}

// nextState gives the state to go on with, and why its epoch is a new one if the
// index is to be repaired for it.
func nextState(known kafka.RelayState, o movie.Origin) (next kafka.RelayState, reason string) {
	switch {
	case known.Epoch == 0 && (o.Fresh || !known.At.IsZero()):
		// The first start ever, or one after a relay that got no further than
		// announcing it: there is nothing to differ from.
	case known.Epoch == 0:
		reason = "the relay's state is gone from Kafka, though the database has been captured before; " +
			"versions start over: rebuild the index with: reindex run"
	case known.SystemID != o.SystemID:
		reason = fmt.Sprintf("the database is another one: system identifier %s, was %s (dumped and reloaded, or replaced)", o.SystemID, known.SystemID)
	case known.Timeline != o.Timeline:
		reason = fmt.Sprintf("the database's timeline is %d, was %d (failed over, or restored from a backup)", o.Timeline, known.Timeline)
	case o.WALEnd < known.LSN:
		reason = fmt.Sprintf("the database's WAL ends at %s, before %s, which was published (restored from a copy of its files)",
			movie.FormatLSN(o.WALEnd), movie.FormatLSN(known.LSN))
	case o.Fresh:
		reason = "capture could not go on where it ended: " + o.Lost
	default:
		return known, ""
	}
	return newEpoch(known, o), reason
}

func newEpoch(known kafka.RelayState, o movie.Origin) kafka.RelayState {
	return kafka.RelayState{Epoch: known.Epoch + 1, SystemID: o.SystemID, Timeline: o.Timeline, LSN: o.WALEnd}
}

// history recognises a database that was put back to an earlier state and has
// since written more WAL than before, so that its position gives nothing away:
// the commit that was published last is not where it was.
type history struct {
	known position // the last commit known to be published
	from  uint64   // commits behind this are delivered
	seen  bool
}

// errOtherHistory: the commits delivered are not those that were published.
var errOtherHistory = errors.New("the database's WAL is not the one that was published from (restored from a copy of its files)")

// check looks at every commit in turn.
func (h *history) check(c movie.Commit) error {
	switch {
	case h.seen || h.known.xid == 0 || h.from >= h.known.lsn:
		return nil
	case c.End == h.known.lsn && c.XID == h.known.xid:
		h.seen = true
		return nil
	case c.End >= h.known.lsn:
		return errOtherHistory
	}
	return nil
}
