package rebuild

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/internal/mutant"
	"movies/search/opensearch"
)

const (
	// holdLimit is how long the feed of the index that answers may be held; the
	// refresh and the swap come on top.
	holdLimit = 700 * time.Millisecond
	// swapAttempts is how often a swap is tried before the new index counts as
	// too slow.
	swapAttempts = 20
	// swapPatience is how long the new index's feed may stand still.
	swapPatience = 20 * time.Second
)

// swapIn puts the new index in the place of the old one.
func (r *Rebuilder) swapIn(ctx context.Context, l *lease) error {
	run := l.run()
	x, err := r.survey(ctx, run.Index)
	if err != nil || x.reading == run.Index {
		return err
	}
	if x.reading == "" {
		if err := r.engine.Refresh(ctx, run.Index); err != nil {
			return err
		}
		return r.engine.UpdateAliases(ctx, opensearch.AliasAction{Alias: r.readAlias(), Index: run.Index})
	}
	if err := r.exchange(ctx, l, x.reading, run.Index, swapPatience); err != nil {
		return err
	}
	r.say.line("%s answers now; %s is kept fed for a rollback until reindex finalize", run.Index, x.reading)
	return nil
}

// exchange moves the read alias so that no reader sees a movie go backwards.
//
// The feed of the index that answers is held, by taking its write alias away:
// what it may still show was published before that moment. When the other index
// has finished everything published by then, and was refreshed, it shows at
// least as much, and the alias is moved in one call that also ends the hold, and
// fails if somebody has ended it. If that takes too long the hold is ended, and
// it is tried again later. The hold of a process that died expires: the indexer
// ends it. A process that was suspended and taken over from finds its own hold
// ended, and cannot end another's.
func (r *Rebuilder) exchange(ctx context.Context, l *lease, from, to string, patience time.Duration) error {
	for attempt := range swapAttempts {
		if err := r.awaitFeed(ctx, to, patience); err != nil {
			return err
		}
		if err := r.engine.Refresh(ctx, to); err != nil { // so that little is left for the one that counts
			return err
		}
		r.reached("about to hold")
		if err := l.update(ctx, func(*record) {}); err != nil { // or another operator is at work by now
			return err
		}
		done, err := r.tryExchange(ctx, from, to)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt+1) * 100 * time.Millisecond):
		}
	}
	return fmt.Errorf("index %s cannot keep up with %s: %d times it did not apply within %s what the other had; let the cluster recover, then run again",
		to, from, swapAttempts, holdLimit)
}

func (r *Rebuilder) tryExchange(ctx context.Context, from, to string) (done bool, err error) {
	state, err := r.engine.WriteState(ctx, from)
	if err != nil {
		return false, err
	}
	if state != opensearch.Writable {
		return false, fmt.Errorf("the feed of %s is held by somebody else, or the index is gone: see reindex status, and run again", from)
	}
	token := rand.Text()
	if err := r.engine.Hold(ctx, from, token); err != nil {
		return false, errors.Join(err, r.letGo(ctx, from, token))
	}
	r.reached("feed held")
	passed, err := r.passesSoon(ctx, to)
	if err == nil && passed {
		err = r.engine.Refresh(ctx, to)
	}
	if err != nil || !passed {
		return false, errors.Join(err, r.letGo(ctx, from, token))
	}
	r.reached("about to swap")
	err = r.engine.EndHold(ctx, from, token,
		opensearch.AliasAction{Alias: r.readAlias(), Index: from, Remove: true},
		opensearch.AliasAction{Alias: r.readAlias(), Index: to})
	switch {
	case errors.Is(err, movie.ErrNotFound): // the hold has expired
		return false, r.letGo(ctx, from, token)
	case err != nil:
		return false, errors.Join(err, r.letGo(ctx, from, token))
	}
	return true, nil
}

// letGo ends a hold of one's own, even if the operator has given up. Another's is
// left alone: this process may have been suspended, and taken over from.
func (r *Rebuilder) letGo(ctx context.Context, index, token string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := r.engine.EndHold(ctx, index, token); err != nil && !errors.Is(err, movie.ErrNotFound) {
		return fmt.Errorf("the feed of %s is still held; the indexer ends that by itself: %w", index, err)
	}
	return nil
}

// passesSoon tells whether the index's feed passes, within the limit of a hold,
// everything published up to now.
func (r *Rebuilder) passesSoon(ctx context.Context, index string) (bool, error) {
	if mutant.On(mutant.SwapBeforeCatchUp) {
		return true, nil
	}
	ends, err := r.log.EndOffsets(ctx, kafka.TopicChanges)
	if err != nil {
		return false, err
	}
	for deadline := time.Now().Add(holdLimit); time.Now().Before(deadline); {
		behind, err := r.behind(ctx, index, ends)
		if err != nil || behind == 0 {
			return err == nil, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false, nil
}

// unhold gives an index its write alias back, whoever took it away.
func (r *Rebuilder) unhold(ctx context.Context, index string) error {
	if released, err := r.engine.Release(ctx, index); released || err != nil {
		return err
	}
	// Not held with a mark: by hand, or not at all.
	return r.engine.UpdateAliases(ctx, opensearch.AliasAction{Alias: opensearch.WriteAlias(index), Index: index})
}

// releaseHolds ends every hold that a killed process has left.
func (r *Rebuilder) releaseHolds(ctx context.Context) error {
	fed, err := r.engine.Indices(ctx, r.feedAlias())
	if err != nil {
		return err
	}
	for _, index := range fed {
		state, err := r.engine.WriteState(ctx, index.Name)
		if err != nil {
			return err
		}
		if state == opensearch.Withheld {
			r.say.line("the feed of %s was held by a run that died; it goes on", index.Name)
			if err := r.unhold(ctx, index.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
