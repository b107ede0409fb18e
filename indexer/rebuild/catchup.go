package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"movies/indexer"
	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/mutant"
	"movies/internal/progress"
	"movies/search/opensearch"
)

// deletesAtOnce is how many deletes are sent in one request.
const deletesAtOnce = 2000

// repeatDeletes applies once more every delete that was published since the
// offsets: in a backfilled index, those since it is fed. For the engine forgets a
// delete's version after a time, and at once when a node restarts; a chunk that
// was read before the delete and written after that has brought the movie back.
// No chunk is written any more.
func (r *Rebuilder) repeatDeletes(ctx context.Context, index string, since kafka.Offsets) error {
	if mutant.On(mutant.ExpiryForgotten) {
		return nil
	}
	var bulk opensearch.Bulk
	flush := func() error {
		_, err := r.write(ctx, index, &bulk, func() {})
		bulk.Reset()
		return err
	}
	err := r.log.ReadFrom(ctx, kafka.TopicChanges, since, func(m kafka.Message) error {
		event, undecoded := kafka.DecodeEvent(m.Value)
		if undecoded != nil || event.Op != movie.OpDelete {
			return nil //nolint:nilerr // what cannot be decoded is the indexer's to park
		}
		bulk.Delete(event.ID, event.Version)
		if bulk.Len() >= deletesAtOnce {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// feedPatience is how long a feed may stand still.
const feedPatience = time.Minute

// catchUp gives the index its settings back and waits until its feed has passed
// everything published up to now.
func (r *Rebuilder) catchUp(ctx context.Context, run *run) error {
	if err := r.restoreSettings(ctx, run); err != nil {
		return err
	}
	if err := r.engine.Refresh(ctx, run.Index); err != nil {
		return err
	}
	if err := r.awaitFeed(ctx, run.Index, feedPatience); err != nil {
		return err
	}
	return r.awaitCopies(ctx, run)
}

// awaitCopies waits for the replicas, for an index that answers should have them.
func (r *Rebuilder) awaitCopies(ctx context.Context, run *run) error {
	const patience = 30 * time.Minute
	for began := time.Now(); run.Replicas > 0; {
		done, err := r.engine.AwaitCopies(ctx, run.Index, 10*time.Second)
		if err != nil || done {
			return err
		}
		if time.Since(began) > patience {
			return fmt.Errorf("index %s has no complete set of its %d replicas after %s: see _cluster/allocation/explain, or run with fewer --replicas",
				run.Index, run.Replicas, patience)
		}
		r.say.line("waiting for the replicas of %s", run.Index)
	}
	return nil
}

// awaitFeed waits until the index's group has passed everything published up to
// now. It gives up when the feed stands still for longer than the patience.
func (r *Rebuilder) awaitFeed(ctx context.Context, index string, patience time.Duration) error {
	ends, err := r.ends(ctx)
	if err != nil {
		return err
	}
	var bar *progress.Bar
	defer func() {
		if bar != nil {
			bar.Finish()
		}
	}()
	first, before, moved := int64(-1), int64(-1), time.Now()
	for began := time.Now(); ; {
		behind, err := r.behind(ctx, index, ends)
		switch {
		case err == nil && behind == 0:
			return nil
		case errors.Is(err, kafka.ErrNoOffsets):
			return err
		case err == nil && behind != before:
			before, moved = behind, time.Now()
		case time.Since(moved) > patience:
			return stalled(index, before, err)
		}
		if first < 0 && err == nil {
			first = behind
		}
		if bar == nil && time.Since(began) > time.Second {
			bar = r.say.start("catch up", "changes", 0, first)
		}
		if bar != nil {
			bar.Set(first-behind, 0)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ends are the offsets behind everything published up to now. A broker that is
// just being replaced is asked again.
func (r *Rebuilder) ends(ctx context.Context) (kafka.Offsets, error) {
	for began := time.Now(); ; {
		ends, err := r.log.EndOffsets(ctx, kafka.TopicChanges)
		if err == nil || time.Since(began) > feedPatience {
			return ends, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func stalled(index string, behind int64, err error) error {
	if err != nil {
		return fmt.Errorf("the feed of %s cannot be watched: %w", index, err)
	}
	return fmt.Errorf("the feed of %s stands still, %s changes behind: see whether the indexer (cmd/indexer) runs and what it logs, then run again",
		index, progress.Count(behind))
}

// behind is how many messages before the offsets the index's group has not
// finished.
func (r *Rebuilder) behind(ctx context.Context, index string, ends kafka.Offsets) (n int64, err error) {
	done, err := r.log.GroupOffsets(ctx, indexer.GroupID(index), kafka.TopicChanges)
	if err != nil {
		return 0, err
	}
	if len(done) == 0 {
		return 0, fmt.Errorf("%w: group %s; the index must be rebuilt: reindex run --restart", kafka.ErrNoOffsets, indexer.GroupID(index))
	}
	for p, end := range ends {
		n += max(0, end-done[p])
	}
	return n, nil
}
