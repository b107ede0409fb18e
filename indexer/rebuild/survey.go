package rebuild

import (
	"context"
	"fmt"
)

// indices are those that matter: what answers, what else is fed, and the names
// of both.
type indices struct {
	reading string // "" when nothing answers
	others  []string
}

// survey reads the aliases. unfinished is left out.
func (r *Rebuilder) survey(ctx context.Context, unfinished string) (x indices, err error) {
	reading, err := r.engine.Indices(ctx, r.readAlias())
	if err != nil {
		return x, err
	}
	switch len(reading) {
	case 0:
	case 1:
		x.reading = reading[0].Name
		if x.reading == r.readAlias() {
			return x, fmt.Errorf("%s is an index, not an alias: something wrote to it before the first reindex run; delete that index and run again", x.reading)
		}
	default:
		return x, fmt.Errorf("the alias %s names %d indices, not one; take it away from all but one of them", r.readAlias(), len(reading))
	}
	fed, err := r.engine.Indices(ctx, r.feedAlias())
	for _, index := range fed {
		if index.Name != x.reading && index.Name != unfinished {
			x.others = append(x.others, index.Name)
		}
	}
	return x, err
}
