package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"movies/indexer/rebuild"
	"movies/internal/config"
	"movies/internal/progress"
)

type runCommand struct {
	everything
	Shards   int     `default:"-1" placeholder:"N" help:"Shards of the new index; by default those of the index that answers, or 1."`
	Replicas int     `default:"-1" placeholder:"N" help:"Replicas of each shard; by default those of the index that answers, or 1 if there is a node for it."`
	MaxRate  float64 `placeholder:"N" help:"Movies a second to write at most."`
	DryRun   bool    `help:"Say what would be done, and do nothing."`
	Restart  bool    `help:"Discard what an unfinished run has made and begin anew."`
	Force    bool    `help:"Put the index in place even if it differs from the database, or if the disk seems too small."`
	Yes      bool    `help:"Do not ask before --force or --restart."`
}

// Validate implements kong's validation.
func (c runCommand) Validate() error {
	switch {
	case c.Shards == 0 || c.Shards < -1:
		return fmt.Errorf("--shards must be 1 or more, not %d", c.Shards)
	case c.Replicas < -1:
		return fmt.Errorf("--replicas must be 0 or more, not %d", c.Replicas)
	case c.MaxRate < 0:
		return fmt.Errorf("--max-rate must be movies a second, such as 2000, not %g", c.MaxRate)
	}
	return c.everything.Validate()
}

func (c runCommand) options() rebuild.RunOptions {
	return rebuild.RunOptions{Shards: c.Shards, Replicas: c.Replicas, MaxRate: c.MaxRate, Force: c.Force, Restart: c.Restart}
}

// Run makes a new index.
func (c runCommand) Run(ctx context.Context, t *terminal) error {
	return c.open(ctx, t, func(r *rebuild.Rebuilder) error {
		if c.DryRun {
			return c.plan(ctx, t, r)
		}
		if c.Force || c.Restart {
			if err := t.confirm(c.Yes, "This may put an index in place that differs from the database, or discards unfinished work. Go on?"); err != nil {
				return err
			}
		}
		summary, err := r.Run(ctx, c.options())
		var differs *rebuild.DiffersError
		if errors.As(err, &differs) {
			return errors.Join(fmt.Errorf("%w: the new index was not put in place", config.ErrDiffers), printVerification(t, &differs.Verification))
		}
		if err != nil {
			return interrupted(ctx, err, summary.Index)
		}
		return t.print(summary, func() {
			fmt.Fprintf(t.stdout, "%s answers, with %s movies, after %.1f s\n", summary.Index, progress.Count(summary.Movies), summary.Seconds)
		})
	})
}

// interrupted says what it means that a run has ended before its time. index is
// what it had begun to make, if anything.
func interrupted(ctx context.Context, err error, index string) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped; reindex run goes on from here")
	case index != "":
		return fmt.Errorf("%w; reindex run goes on with %s from here", err, index)
	}
	return err
}

func (c runCommand) plan(ctx context.Context, t *terminal, r *rebuild.Rebuilder) error {
	p, err := r.Plan(ctx, c.options())
	if err != nil {
		return err
	}
	return t.print(p, func() {
		if p.Unfinished != "" {
			fmt.Fprintf(t.stdout, "would go on with %s, which is unfinished\n", p.Unfinished)
			return
		}
		fmt.Fprintf(t.stdout, "would build %s for %s movies, with %d shards and %d replicas of each\n", p.Index, progress.Count(p.Movies), p.Shards, p.Replicas)
		if p.Previous != "" {
			fmt.Fprintf(t.stdout, "in place of %s, which stays fed until reindex finalize\n", p.Previous)
		}
		fmt.Fprintf(t.stdout, "disk: up to %s MB needed, %s MB free\n", progress.Count(p.NeededBytes>>20+1), progress.Count(p.FreeBytes>>20))
	})
}

type rollbackCommand struct {
	clusters
	Discard bool `help:"Give up an unfinished run instead: its index is deleted."`
	Yes     bool `help:"Do not ask."`
}

// Run makes the previous index answer, or discards an unfinished one.
func (c rollbackCommand) Run(ctx context.Context, t *terminal) error {
	question := "The previous index will answer again. Go on?"
	if c.Discard {
		question = "The index of the unfinished run will be deleted. Go on?"
	}
	if err := t.confirm(c.Yes, question); err != nil {
		return err
	}
	return c.open(t, func(r *rebuild.Rebuilder) error {
		if c.Discard {
			index, err := r.Discard(ctx)
			if err != nil {
				return err
			}
			return t.print(map[string]string{"discarded": index}, func() { fmt.Fprintf(t.stdout, "%s is deleted\n", index) })
		}
		began := time.Now()
		from, to, err := r.Rollback(ctx)
		if err != nil {
			return err
		}
		seconds := time.Since(began).Seconds()
		return t.print(map[string]any{"from": from, "to": to, "seconds": seconds}, func() {
			fmt.Fprintf(t.stdout, "%s answers again, after %.1f s; %s stays fed until reindex finalize\n", to, seconds, from)
		})
	})
}

type finalizeCommand struct {
	clusters
	Yes bool `help:"Do not ask."`
}

// Run retires what is kept for a rollback.
func (c finalizeCommand) Run(ctx context.Context, t *terminal) error {
	if err := t.confirm(c.Yes, "The index kept for a rollback will be deleted. Go on?"); err != nil {
		return err
	}
	return c.open(t, func(r *rebuild.Rebuilder) error {
		retired, err := r.Finalize(ctx)
		if err != nil {
			return err
		}
		return t.print(map[string]any{"retired": retired}, func() {
			for _, index := range retired {
				fmt.Fprintf(t.stdout, "%s is retired\n", index)
			}
			if len(retired) == 0 {
				fmt.Fprintln(t.stdout, "no index was kept for a rollback")
			}
		})
	})
}

type statusCommand struct{ clusters }

// Run shows what there is.
func (c statusCommand) Run(ctx context.Context, t *terminal) error {
	return c.open(t, func(r *rebuild.Rebuilder) error {
		s, err := r.Status(ctx)
		if err != nil {
			return err
		}
		return t.print(s, func() { printStatus(t, &s) })
	})
}

func printStatus(t *terminal, s *rebuild.Status) {
	if len(s.Indices) == 0 {
		fmt.Fprintln(t.stdout, "there is no index yet: run reindex run")
	} else {
		table := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "INDEX\tROLE\tALIASES\tMOVIES\tMB\tAGE\tMAPPING\tLAG")
		for i := range s.Indices {
			x := &s.Indices[i]
			lag := "-"
			if x.Lag != nil {
				lag = progress.Count(*x.Lag)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Name, role(x), cmp.Or(strings.Join(x.Aliases, ","), "-"), progress.Count(x.Docs), progress.Count(x.Bytes>>20),
				age(x.CreatedAt), mapping(x), lag)
		}
		_ = table.Flush() // to standard output; nobody is left to tell
	}
	if s.Run != nil {
		fmt.Fprintf(t.stdout, "unfinished: %s, in the phase %q, %s movies written; reindex run goes on\n", s.Run.Index, s.Run.Phase, progress.Count(s.Run.Movies))
	}
	if s.Operator != "" {
		fmt.Fprintf(t.stdout, "at work: %s, %s, since %s\n", s.Operator, s.Command, s.Since.Format(time.DateTime))
	}
	if s.Forgetting != "" && s.Operator == "" {
		fmt.Fprintf(t.stdout, "a repair of %s was killed halfway: run reindex verify --repair\n", s.Forgetting)
	}
	if s.RepairReason != "" {
		fmt.Fprintf(t.stdout, "a repair is due, run reindex verify --repair: %s\n", s.RepairReason)
	}
}

func role(x *rebuild.IndexStatus) string {
	switch {
	case x.Held:
		return "feed held"
	case x.Reads && x.Fed:
		return "answers, fed"
	case x.Reads:
		return "answers, not fed"
	case x.Fed:
		return "fed"
	}
	return "unused"
}

func age(since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := time.Since(since)
	if d < 48*time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func mapping(x *rebuild.IndexStatus) string {
	if !x.Understood {
		return fmt.Sprintf("%d (not understood)", x.MappingVersion)
	}
	return fmt.Sprint(x.MappingVersion)
}
