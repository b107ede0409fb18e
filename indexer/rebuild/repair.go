package rebuild

import (
	"context"
	"slices"
	"time"

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
			if err := r.repair(ctx, &v); err != nil {
				return err
			}
		}
		v.Repaired = found - v.Total
		v.Seconds = time.Since(began).Seconds()
		if !v.Clean() || index != "" {
			return nil
		}
		return r.verified(ctx, l, began)
	})
	return v, err
}

// verified leaves word, for other operators and for the relay's metrics, that
// nothing differs of what was compared from the given time on.
func (r *Rebuilder) verified(ctx context.Context, l *lease, from time.Time) error {
	if err := l.update(ctx, func(s *record) { s.Verified = from.UTC() }); err != nil {
		return err
	}
	return r.log.SaveRepaired(ctx, from)
}

// repair repairs what a verification has found, and replaces its findings.
func (r *Rebuilder) repair(ctx context.Context, v *Verification) error {
	ids, strays := v.ids, v.strays
	for some := range slices.Chunk(ids, repairAtOnce) {
		if err := r.history.Reemit(ctx, some); err != nil {
			return err
		}
	}
	for _, id := range strays {
		if err := r.engine.Remove(ctx, v.Index, id); err != nil {
			return err
		}
	}
	v.Total, v.Differences, v.ids, v.strays = 0, nil, nil, nil
	if err := r.barrier(ctx, v.Index); err != nil {
		return err
	}
	var wrong []int64
	err := r.eachPair(ctx, v.Index, ids, func(id int64, p *pair) {
		if !p.same() {
			wrong = append(wrong, id)
		}
	})
	if err != nil {
		return err
	}
	return r.settle(ctx, v, wrong)
}
