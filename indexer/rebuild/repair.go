package rebuild

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"movies/internal/movie"
	"movies/internal/progress"
)

// repairAtOnce is how many movies are announced in one transaction.
const repairAtOnce = 5000

// Repair verifies an index, by default the one that answers, and puts right what
// is wrong: the movies are announced as changed, as if somebody had edited them,
// so that their documents come anew by the usual path, with a version above any
// that the path has given out. It can neither lose to what is there nor
// overwrite what is newer. Then it verifies them again, when searches show them.
// The result holds what remains.
func (r *Rebuilder) Repair(ctx context.Context, index string) (v Verification, err error) {
	err = r.underLease(ctx, "reindex verify --repair", func(ctx context.Context, l *lease) error {
		began := time.Now()
		if v, err = r.Verify(ctx, index); err != nil {
			return err
		}
		found := v.Total
		if !v.Clean() {
			r.say.line("repairing %s documents of %s", progress.Count(found), v.Index)
			if err := r.repair(ctx, l, &v); err != nil {
				return err
			}
		}
		v.Repaired = found - v.Total
		v.Seconds = time.Since(began).Seconds()
		if !v.Clean() {
			return nil
		}
		return r.verified(ctx, l, v.Index, began, index == "")
	})
	return v, err
}

// verified leaves word, for other operators and for the relay's metrics, that
// nothing differs of what was compared from the given time on. The metrics are
// about the index that answers, or is about to.
func (r *Rebuilder) verified(ctx context.Context, l *lease, index string, from time.Time, answers bool) error {
	err := l.update(ctx, func(s *record) {
		s.Verified = maps.Clone(s.Verified)
		if s.Verified == nil {
			s.Verified = make(map[string]time.Time)
		}
		s.Verified[index] = from.UTC()
	})
	if err != nil || !answers {
		return err
	}
	return r.log.SaveRepaired(ctx, from)
}

// repair repairs what a verification has found, and replaces its findings. What
// the announcements do not put right may have versions above theirs.
func (r *Rebuilder) repair(ctx context.Context, l *lease, v *Verification) error {
	ids := v.ids
	for _, stray := range v.strays {
		if err := r.engine.Remove(ctx, v.Index, stray); err != nil && !errors.Is(err, movie.ErrConflict) {
			return err
		}
		if id, ok := movieID(stray.ID); ok { // it may have been there in place of the movie's document
			ids = append(ids, id)
		}
	}
	for some := range slices.Chunk(ids, repairAtOnce) {
		if err := r.history.Reemit(ctx, some); err != nil {
			return err
		}
	}
	if err := r.look(ctx, v, ids); err != nil || v.Clean() {
		return err
	}
	r.say.line("%s documents were not replaced by a change: they are replaced whatever their versions", progress.Count(v.Total))
	if err := r.overrule(ctx, l, v.Index, v.ids); err != nil {
		return err
	}
	return r.look(ctx, v, ids)
}

// look replaces the findings by those about some movies, once everything
// announced has come.
func (r *Rebuilder) look(ctx context.Context, v *Verification, ids []int64) error {
	v.Total, v.Differences, v.ids, v.strays = 0, []Difference{}, nil, nil
	if err := r.barrier(ctx, v.Index); err != nil {
		return err
	}
	var wrong []int64
	err := r.eachPair(ctx, v.Index, ids, func(id int64, p *pair) {
		if !p.same() || p.ahead {
			wrong = append(wrong, id)
		}
	})
	if err != nil {
		return err
	}
	return r.settle(ctx, v, wrong)
}
