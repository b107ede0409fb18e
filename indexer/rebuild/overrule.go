package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// A document with a version above any that the database has given out was written
// by somebody else, and no change replaces it: the engine refuses lower versions.
// Nor can a version be lowered; only that of a deleted document is forgotten,
// after index.gc_deletes. So overrule deletes such documents, makes the engine
// forget deletes at once, and announces the movies as changed. They are away for
// about a second. With them the engine has forgotten the deletes of the last hour,
// so those are applied once more (guarantee 5); that is recorded first, and made
// up for by the next operator if this one dies.

const (
	gcDeletes = "index.gc_deletes"
	// deletesRemembered is well above the index.gc_deletes of mappings.Index:
	// deletes older than that are forgotten anyhow.
	deletesRemembered = 2 * time.Hour
	// forgetAttempts, a quarter of a second apart, are enough for an engine that is
	// busy; it forgets at its second refresh.
	forgetAttempts = 80
)

// forgetting is an index that has been made to forget its deletes.
type forgetting struct {
	Index string `json:"index"`
	// GCDeletes is what the setting was and is to be again.
	GCDeletes string `json:"gc_deletes"`
	// Since is where the deletes begin that are to be applied again.
	Since kafka.Offsets `json:"since"`
}

// ceiling gives a version above or at any that the database has given out so far.
func (r *Rebuilder) ceiling(ctx context.Context) (movie.Version, error) {
	state, err := r.epochs.current(ctx, r.history)
	if err != nil {
		return 0, err
	}
	origin, err := r.history.Position(ctx)
	if err != nil {
		return 0, err
	}
	return movie.NewVersion(state.Epoch, origin.WALEnd)
}

// overrule replaces documents of an index, or remembered deletes, that have a
// version above the ceiling.
func (r *Rebuilder) overrule(ctx context.Context, l *lease, index string, ids []int64) error {
	was, err := r.engine.Setting(ctx, index, gcDeletes)
	if err != nil {
		return err
	}
	since, err := r.log.OffsetsSince(ctx, kafka.TopicChanges, time.Now().Add(-deletesRemembered))
	if err != nil {
		return err
	}
	if err := l.update(ctx, func(s *record) { s.Forgetting = &forgetting{Index: index, GCDeletes: was, Since: since} }); err != nil {
		return err
	}
	if err := r.engine.PutSettings(ctx, index, map[string]any{gcDeletes: "0s"}); err != nil {
		return err
	}
	r.reached("forgetting")
	err = r.forget(ctx, index, ids)
	if err == nil {
		err = r.history.Reemit(ctx, ids)
	}
	return errors.Join(err, r.remember(ctx, l))
}

// forget deletes documents above the ceiling and returns when the engine knows no
// version above it any more for any of the ids.
func (r *Rebuilder) forget(ctx context.Context, index string, ids []int64) error {
	for range forgetAttempts {
		if err := r.engine.Refresh(ctx, index); err != nil { // when the engine forgets
			return err
		}
		var err error
		if ids, err = r.stillKnown(ctx, index, ids); err != nil || len(ids) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
	return fmt.Errorf("index %s does not forget the version of movie %d, nor of %d others: run reindex run, which builds it anew", index, ids[0], len(ids)-1)
}

// stillKnown gives those of the ids for which the engine knows a version above
// the ceiling. What it does not show it may remember as deleted: a delete at the
// ceiling tells, and leaves a version that the announcement that follows exceeds.
func (r *Rebuilder) stillKnown(ctx context.Context, index string, ids []int64) ([]int64, error) {
	stored, err := r.engine.Read(ctx, index, ids)
	if err != nil {
		return nil, err
	}
	ceiling, err := r.ceiling(ctx)
	if err != nil {
		return nil, err
	}
	var known, hidden []int64
	var probe opensearch.Bulk
	for _, id := range ids {
		document, there := stored[id]
		switch {
		case !there:
			hidden = append(hidden, id)
			probe.Delete(id, ceiling)
		case document.Version > ceiling:
			if err := r.engine.Remove(ctx, index, document); err != nil && !errors.Is(err, movie.ErrConflict) {
				return nil, err
			}
			known = append(known, id)
		}
	}
	for i, result := range r.engine.Bulk(ctx, index, &probe) {
		if result.Outcome != opensearch.Done {
			known = append(known, hidden[i])
		}
	}
	return known, nil
}

// remember ends a forgetting: the engine remembers deletes as before, those it
// has forgotten included. It is also for one that a killed process has begun.
func (r *Rebuilder) remember(ctx context.Context, l *lease) error {
	f := l.forgetting()
	if f == nil {
		return nil
	}
	there, err := r.restoreGCDeletes(ctx, f)
	if err == nil && there {
		err = r.repeatDeletes(ctx, f.Index, f.Since)
	}
	if err != nil {
		return err
	}
	return l.update(ctx, func(s *record) { s.Forgetting = nil })
}

// restoreGCDeletes ends a forgetting's setting, even if the operator has given up.
func (r *Rebuilder) restoreGCDeletes(ctx context.Context, f *forgetting) (there bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	state, err := r.engine.WriteState(ctx, f.Index)
	if err != nil || state == opensearch.Gone {
		return false, err
	}
	return true, r.engine.PutSettings(ctx, f.Index, map[string]any{gcDeletes: f.GCDeletes})
}
