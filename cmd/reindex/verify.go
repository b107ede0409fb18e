package main

import (
	"context"
	"fmt"
	"strings"

	"movies/indexer/rebuild"
	"movies/internal/config"
	"movies/internal/progress"
)

// shown is how many differences are printed in words; --json gives more.
const shown = 20

type verifyCommand struct {
	everything
	Index  string `placeholder:"NAME" help:"Index to compare; by default the one that answers."`
	Repair bool   `help:"Have every differing document published anew, and wait until searches show it."`
}

// Run compares, and repairs if asked.
func (c verifyCommand) Run(ctx context.Context, t *terminal) error {
	return c.open(ctx, t, func(r *rebuild.Rebuilder) error {
		compare := r.Verify
		if c.Repair {
			compare = r.Repair
		}
		v, err := compare(ctx, c.Index)
		if err != nil {
			return err
		}
		if err := printVerification(t, &v); err != nil || v.Clean() {
			return err
		}
		if c.Repair {
			return fmt.Errorf("%w: %s documents could not be repaired; reindex dlq list may say why, and reindex run builds the index anew", config.ErrDiffers, progress.Count(v.Total))
		}
		return fmt.Errorf("%w: reindex verify --repair puts them right", config.ErrDiffers)
	})
}

func printVerification(t *terminal, v *rebuild.Verification) error {
	return t.print(v, func() {
		fmt.Fprintf(t.stdout, "%s: %s movies and %s documents compared in %.1f s: %s differ, %s in flight\n", v.Index,
			progress.Count(v.Movies), progress.Count(v.Documents), v.Seconds, progress.Count(v.Total), progress.Count(v.InFlight))
		if v.Repaired > 0 {
			fmt.Fprintf(t.stdout, "%s repaired\n", progress.Count(v.Repaired))
		}
		for i, d := range v.Differences {
			if i == shown {
				fmt.Fprintf(t.stdout, "  and %s more; --json lists them\n", progress.Count(v.Total-shown))
				break
			}
			fmt.Fprintf(t.stdout, "  %s%s\n", d, details(&d))
		}
	})
}

func details(d *rebuild.Difference) string {
	if d.Kind != rebuild.Differs {
		return ""
	}
	newer := "newer: " + d.Newer
	if d.Newer == "same revision" {
		newer = d.Newer
	}
	return fmt.Sprintf(" in %s, %s", strings.Join(d.Fields, ", "), newer)
}
