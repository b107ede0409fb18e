package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"movies/indexer/rebuild"
	"movies/internal/kafka"
)

// letter is a dead letter as it is printed.
type letter struct {
	ID        string    `json:"id"`
	Index     string    `json:"index,omitempty"`
	MovieID   int64     `json:"movie_id,omitempty"`
	Version   string    `json:"version,omitempty"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Topic     string    `json:"topic,omitempty"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Truncated bool      `json:"truncated,omitempty"`
	Key       string    `json:"key,omitempty"`
	Value     string    `json:"value,omitempty"`
}

func printable(d *kafka.DeadLetter) letter {
	return letter{ID: d.ID(), Index: d.Index, MovieID: d.MovieID, Version: d.Version.String(), Reason: d.Reason, At: d.At,
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Truncated: d.Truncated}
}

type listCommand struct{ clusters }

// Run lists dead letters, without their bytes.
func (c listCommand) Run(ctx context.Context, t *terminal) error {
	return c.open(t, func(r *rebuild.Rebuilder) error {
		letters, err := r.DeadLetters(ctx)
		if err != nil {
			return err
		}
		list := make([]letter, len(letters))
		for i := range letters {
			list[i] = printable(&letters[i])
		}
		return t.print(list, func() { printLetters(t, list) })
	})
}

func printLetters(t *terminal, list []letter) {
	if len(list) == 0 {
		fmt.Fprintln(t.stdout, "there are no dead letters")
		return
	}
	table := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tMOVIE\tSINCE\tREASON")
	for _, l := range list {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", l.ID, l.MovieID, l.At.UTC().Format(time.DateTime), l.Reason)
	}
	_ = table.Flush() // to standard output; nobody is left to tell
}

type showCommand struct {
	clusters
	ID string `arg:"" help:"Which one, as dlq list names it."`
}

// Run shows one letter with everything that is known of it.
func (c showCommand) Run(ctx context.Context, t *terminal) error {
	return c.open(t, func(r *rebuild.Rebuilder) error {
		d, err := r.DeadLetter(ctx, c.ID)
		if err != nil {
			return err
		}
		l := printable(&d)
		l.Key, l.Value = string(d.Key), string(d.Value)
		return t.print(l, func() {
			fmt.Fprintf(t.stdout, "id       %s\nmovie    %d\nversion  %s\nindex    %s\nsource   %s, partition %d, offset %d\nat       %s\nreason   %s\nkey      %q\n\n%s\n",
				l.ID, l.MovieID, l.Version, l.Index, l.Topic, l.Partition, l.Offset, l.At.UTC().Format(time.RFC3339), l.Reason, l.Key, l.Value)
		})
	})
}

type replayCommand struct {
	everything
	IDs []string `arg:"" optional:"" name:"id" help:"Which ones, as dlq list names them."`
	All bool     `help:"All that there are."`
	Yes bool     `help:"Do not ask before --all."`
}

// Validate implements kong's validation.
func (c replayCommand) Validate() error {
	if c.All == (len(c.IDs) > 0) {
		return errors.New("name the dead letters to replay, as reindex dlq list shows them, or say --all")
	}
	return c.everything.Validate()
}

// Run replays letters, and fails if some are left.
func (c replayCommand) Run(ctx context.Context, t *terminal) error {
	if c.All {
		if err := t.confirm(c.Yes, "All dead letters will be published again. Go on?"); err != nil {
			return err
		}
	}
	return c.open(ctx, t, func(r *rebuild.Rebuilder) error {
		ids := c.IDs
		if c.All {
			letters, err := r.DeadLetters(ctx)
			if err != nil {
				return err
			}
			for i := range letters {
				ids = append(ids, letters[i].ID())
			}
		}
		done, err := r.Replay(ctx, ids)
		return errors.Join(t.print(done, func() {
			for _, d := range done {
				fmt.Fprintf(t.stdout, "%s: %s %s\n", d.ID, d.Outcome, d.Reason)
			}
		}), err, kept(done))
	})
}

// kept is an error when letters could not be replayed.
func kept(done []rebuild.Replayed) error {
	n := 0
	for _, d := range done {
		if d.Outcome == rebuild.Kept {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d dead letters cannot be replayed and are kept", n, len(done))
}
