package indexer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"movies/internal/kafka"
	"movies/internal/mutant"
	"movies/search/opensearch"
)

// bulkTimeout is when an answer is given up. Nothing is lost by it: what was
// written after all is superseded the next time.
const bulkTimeout = 30 * time.Second

// apply deals with every message of a work: when it returns nil, each has been
// written, superseded or parked.
func (x *session) apply(ctx context.Context, w *work) error {
	changes, poison, coalesced, err := decode(x.index, w.messages)
	if err != nil {
		return err
	}
	all := len(changes)
	changes = slices.DeleteFunc(changes, func(c change) bool { return c.event.Version <= x.floor })
	x.metrics.consumed(len(w.messages), coalesced+all-len(changes))
	changes = x.beat(ctx, changes)
	x.newest.begin(changes)
	defer x.newest.end(changes)
	select {
	case <-w.before:
		close(w.known)
	case <-ctx.Done():
		return ctx.Err()
	}
	first, unencodable := newRequest(x.index, changes)
	if err := x.park(ctx, append(poison, unencodable...)); err != nil {
		return err
	}
	return x.write(ctx, first)
}

// write sends a request, in parts if need be, until all of it is finished.
func (x *session) write(ctx context.Context, first *request) error {
	waits := new(delays)
	for queue := []*request{first}; len(queue) > 0; {
		r := queue[0]
		if r.Len() == 0 {
			queue = queue[1:]
			continue
		}
		for r.Size() > 2*x.throttle.size() && r.Len() > 1 {
			queue = append(queue, r.cut())
		}
		outcomes, err := x.send(ctx, r)
		if err != nil {
			return err
		}
		if outcomes[opensearch.TooLarge] > 0 {
			queue = append(queue, r.cut())
		}
		if err := x.beforeNext(ctx, outcomes, waits); err != nil {
			return err
		}
	}
	return nil
}

// beforeNext waits as long as the outcomes of the last request ask for.
func (x *session) beforeNext(ctx context.Context, outcomes outcomes, waits *delays) error {
	if outcomes[opensearch.Refused] > 0 {
		if held, err := x.awaitWritable(ctx); held || err != nil {
			return err
		}
		return sleep(ctx, waits.next()) // writable again already, or closed
	}
	if outcomes[opensearch.Retry] > 0 {
		return sleep(ctx, waits.next())
	}
	waits.reset()
	return nil
}

// outcomes counts items by what became of them.
type outcomes map[opensearch.Outcome]int

// send sends once what of a request is not superseded, and leaves in it what is
// not finished.
func (x *session) send(ctx context.Context, r *request) (outcomes, error) {
	if err := x.throttle.acquire(ctx); err != nil {
		return nil, err
	}
	overtaken := x.newest.drop(r)
	began, size := time.Now(), r.Size()
	results := x.bulk(ctx, r)
	now, counts := time.Now(), outcomes{opensearch.Superseded: overtaken}
	for i := range results {
		counts[results[i].Outcome]++
	}
	x.throttle.release(began, now, size, counts[opensearch.Retry] > 0 && ctx.Err() == nil)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	x.metrics.sent(now.Sub(began), size, counts)
	x.explain(ctx, r, results, counts, now)
	if err := x.park(ctx, x.poisoned(r, results)); err != nil {
		return nil, err
	}
	x.finished(r, results, now)
	x.deletes.applied(r.changes, func(i int) bool { return results[i].Outcome == opensearch.Done }, now)
	r.keep(func(i int) bool { return !final(results[i].Outcome) })
	return counts, nil
}

func (x *session) bulk(ctx context.Context, r *request) []opensearch.Result {
	ctx, cancel := context.WithTimeout(ctx, bulkTimeout)
	defer cancel()
	ctx, end := trace(ctx, x.index, r.changes)
	defer end()
	return x.engine.Bulk(ctx, x.index, &r.Bulk)
}

func final(o opensearch.Outcome) bool {
	if mutant.On(mutant.DroppedItem) && o == opensearch.Retry {
		return true
	}
	return o == opensearch.Done || o == opensearch.Superseded || o == opensearch.Poison
}

// poisoned are the documents that will never be accepted.
func (x *session) poisoned(r *request, results []opensearch.Result) (letters []kafka.DeadLetter) {
	for i := range results {
		if results[i].Outcome == opensearch.Poison {
			letters = append(letters, deadLetter(x.index, &r.changes[i], results[i].Reason))
		}
	}
	return letters
}

// finished takes note of when the changes that are searchable at the next
// refresh had been committed.
func (x *session) finished(r *request, results []opensearch.Result, now time.Time) {
	var newest time.Time
	for i := range results {
		at := r.changes[i].event.CommittedAt
		if !final(results[i].Outcome) || at.IsZero() {
			continue
		}
		if results[i].Outcome == opensearch.Done {
			x.metrics.indexed(now.Sub(at))
		}
		if at.After(newest) {
			newest = at
		}
	}
	x.progress.apply(newest)
}

// explain logs an example of each outcome that is neither success nor poison,
// which is logged when it is parked; at most one a second of each.
func (x *session) explain(ctx context.Context, r *request, results []opensearch.Result, counts outcomes, now time.Time) {
	for i, result := range results {
		o := result.Outcome
		if final(o) || !x.mayTell(o, now) {
			continue
		}
		c := &r.changes[i]
		x.logger.WarnContext(ctx, "items not written", "outcome", o.String(), "items", counts[o], "of", len(results),
			"status", result.Status, "reason", result.Reason, "movie", c.event.ID, "version", c.event.Version,
			"partition", c.message.Partition, "offset", c.message.Offset)
	}
}

// mayTell tells whether an outcome may be logged again.
func (f *feed) mayTell(o opensearch.Outcome, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.told[o]) < time.Second {
		return false
	}
	f.told[o] = now
	return true
}

// park puts dead letters where an operator finds them; only then are their
// messages finished. It tries until it succeeds.
func (x *session) park(ctx context.Context, letters []kafka.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	for waits := new(delays); ; {
		err := x.log.Park(ctx, letters)
		if err == nil {
			x.metrics.parked(len(letters))
			for i := range letters {
				l := &letters[i]
				x.logger.ErrorContext(ctx, "parked in the dead-letter topic", "reason", l.Reason, "movie", l.MovieID,
					"version", l.Version, "partition", l.Partition, "offset", l.Offset)
			}
			return nil
		}
		x.logger.WarnContext(ctx, "dead letters not parked; trying again", "letters", len(letters), "error", err)
		if err := sleep(ctx, waits.next()); err != nil {
			return fmt.Errorf("park %d dead letters: %w", len(letters), err)
		}
	}
}
