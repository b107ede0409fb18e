package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"movies/indexer"
	"movies/search/opensearch"
)

// ErrNothingToDo says that there is no index to roll back to, or to retire.
var ErrNothingToDo = errors.New("nothing to do")

// rollbackPatience keeps a rollback within its five seconds.
const rollbackPatience = 3 * time.Second

// Rollback makes the previous index answer again. It was fed all the time, so
// nothing in it is stale. The index that answered stays fed, too, until Finalize.
func (r *Rebuilder) Rollback(ctx context.Context) (from, to string, err error) {
	err = r.underLease(ctx, "reindex rollback", func(ctx context.Context, l *lease) error {
		x, err := r.survey(ctx, l.unfinished())
		switch {
		case err != nil:
			return err
		case x.reading == "" || len(x.others) == 0:
			return fmt.Errorf("%w: no other index is kept fed, so there is none to roll back to", ErrNothingToDo)
		case len(x.others) > 1:
			return fmt.Errorf("several indices are kept fed besides %s: %v; take the alias %s away from all but the one to roll back to", x.reading, x.others, r.feedAlias())
		}
		from, to = x.reading, x.others[0]
		return r.exchange(ctx, l, from, to, rollbackPatience)
	})
	return from, to, err
}

// Finalize retires every index that is kept fed for a rollback: it is deleted,
// and its consumer group forgotten.
func (r *Rebuilder) Finalize(ctx context.Context) (retired []string, err error) {
	err = r.underLease(ctx, "reindex finalize", func(ctx context.Context, l *lease) error {
		x, err := r.survey(ctx, l.unfinished())
		if err != nil {
			return err
		}
		if x.reading == "" {
			return fmt.Errorf("%w: no index answers, so none is retired", ErrNothingToDo)
		}
		for _, index := range x.others {
			if err := r.retire(ctx, index); err != nil {
				return err
			}
			retired = append(retired, index)
		}
		return nil
	})
	return retired, err
}

// Discard gives up an unfinished rebuild: its index is deleted.
func (r *Rebuilder) Discard(ctx context.Context) (index string, err error) {
	err = r.underLease(ctx, "reindex rollback", func(ctx context.Context, l *lease) error {
		if index = l.unfinished(); index == "" {
			return fmt.Errorf("%w: no rebuild is unfinished", ErrNothingToDo)
		}
		if err := r.discard(ctx, index); err != nil {
			return err
		}
		return l.update(ctx, func(s *record) { s.Run = nil })
	})
	return index, err
}

// unfinished is the index of a rebuild that is not done, or "".
func (l *lease) unfinished() string {
	if run := l.run(); run != nil && run.Phase != phaseDone {
		return run.Index
	}
	return ""
}

// retire ends an index's feed, and removes the index and its group. What is
// gone already is passed over.
func (r *Rebuilder) retire(ctx context.Context, index string) error {
	fed, err := r.isFed(ctx, index)
	if err != nil {
		return err
	}
	if fed {
		if err := r.engine.UpdateAliases(ctx, opensearch.AliasAction{Alias: r.feedAlias(), Index: index, Remove: true}); err != nil {
			return err
		}
	}
	if err := r.engine.DeleteIndex(ctx, index); err != nil {
		return err
	}
	return r.forgetGroup(ctx, indexer.GroupID(index))
}

// forgetGroup removes a consumer group when its last member has left it.
func (r *Rebuilder) forgetGroup(ctx context.Context, group string) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := r.log.DeleteGroup(ctx, group)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			r.say.line("the consumer group %s is left behind; Kafka forgets it by itself: %v", group, err)
			return nil
		case <-time.After(300 * time.Millisecond):
		}
	}
}
