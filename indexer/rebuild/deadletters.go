package rebuild

import (
	"context"
	"fmt"
	"slices"

	"movies/internal/kafka"
	"movies/internal/movie"
)

// DeadLetters lists what could not be applied, oldest first.
func (r *Rebuilder) DeadLetters(ctx context.Context) ([]kafka.DeadLetter, error) {
	return r.log.DeadLetters(ctx)
}

// DeadLetter finds one by its id. The error is of kind movie.ErrNotFound when it
// is not there (any more).
func (r *Rebuilder) DeadLetter(ctx context.Context, id string) (kafka.DeadLetter, error) {
	letters, err := r.log.DeadLetters(ctx)
	if err != nil {
		return kafka.DeadLetter{}, err
	}
	for i := range letters {
		if letters[i].ID() == id {
			return letters[i], nil
		}
	}
	return kafka.DeadLetter{}, fmt.Errorf("dead letter %q: %w; reindex dlq list shows those there are", id, movie.ErrNotFound)
}

// Replayed is what became of a dead letter.
type Replayed struct {
	ID string `json:"id"`
	// Outcome is replayed: published again; superseded: newer is there, and the
	// letter was dropped; or kept: it cannot be replayed, for the Reason.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
}

// The outcomes of a replay.
const (
	Sent       = "replayed"
	Superseded = "superseded"
	Kept       = "kept"
)

// Replay publishes dead letters again, in their original bytes and so with their
// original versions: an index that holds something newer refuses them. One thing
// no version can prevent is that a movie deleted long ago comes back, for the
// engine has forgotten the delete; so a letter whose movie neither the database
// nor the index has is dropped instead. What fails again is parked again.
func (r *Rebuilder) Replay(ctx context.Context, ids []string) (done []Replayed, err error) {
	err = r.underLease(ctx, "reindex dlq replay", func(ctx context.Context, _ *lease) error {
		letters, err := r.log.DeadLetters(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			i := slices.IndexFunc(letters, func(d kafka.DeadLetter) bool { return d.ID() == id })
			if i < 0 {
				return fmt.Errorf("dead letter %q: %w; reindex dlq list shows those there are", id, movie.ErrNotFound)
			}
			result, err := r.replay(ctx, &letters[i])
			if err != nil {
				return fmt.Errorf("dead letter %q: %w", id, err)
			}
			done = append(done, result)
		}
		return nil
	})
	return done, err
}

func (r *Rebuilder) replay(ctx context.Context, d *kafka.DeadLetter) (Replayed, error) {
	result := Replayed{ID: d.ID(), Outcome: Kept}
	event, undecoded := kafka.DecodeEvent(d.Value)
	switch {
	case d.Truncated:
		result.Reason = fmt.Sprintf("only its beginning was kept; change movie %d, or run reindex verify --repair, to have it published anew", d.MovieID)
		return result, nil
	case undecoded != nil:
		result.Reason = undecoded.Error()
		return result, nil //nolint:nilerr // it is told, not failed
	}
	superseded, err := r.superseded(ctx, d.Index, &event)
	if err != nil {
		return result, err
	}
	result.Outcome = Superseded
	if !superseded {
		result.Outcome = Sent
		if err := r.log.Publish(ctx, kafka.TopicChanges, []kafka.Message{{Key: d.Key, Value: d.Value}}); err != nil {
			return result, err
		}
	}
	return result, r.log.Discard(ctx, []string{d.ID()})
}

// superseded tells whether the index has, or rightly lacks, what the event would
// give it.
func (r *Rebuilder) superseded(ctx context.Context, index string, event *movie.Event) (bool, error) {
	if index == "" {
		index = r.readAlias()
	}
	found, err := r.engine.Indices(ctx, index)
	if err != nil || len(found) == 0 {
		return err == nil, err // the index is retired: nobody wants the event
	}
	stored, err := r.engine.Read(ctx, index, []int64{event.ID})
	if err != nil {
		return false, err
	}
	if document, there := stored[event.ID]; there {
		return document.Version >= event.Version, nil
	}
	if event.Op == movie.OpDelete {
		return true, nil
	}
	movies, err := r.source.Documents(ctx, []int64{event.ID})
	return len(movies) == 0, err
}
