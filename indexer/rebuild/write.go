package rebuild

import (
	"context"
	"fmt"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// How a refused write is tried again.
const (
	firstPause    = 100 * time.Millisecond
	lastPause     = 5 * time.Second
	writePatience = 10 * time.Minute
)

// refusal is an item that the engine will never take.
type refusal struct {
	item   int // its place in the request
	reason string
}

// write sends a request until every item has its final outcome. What a newer
// document supersedes is as good as written. It gives up when nothing has been
// taken for ten minutes, or at once when the index takes no writes any more.
// busy is called whenever the cluster has refused items for now.
func (r *Rebuilder) write(ctx context.Context, index string, bulk *opensearch.Bulk, busy func()) (poison []refusal, err error) {
	places := make([]int, bulk.Len())
	for i := range places {
		places[i] = i
	}
	pause, moved := firstPause, time.Now()
	for bulk.Len() > 0 {
		results := r.engine.Bulk(ctx, index, bulk)
		if err := ctx.Err(); err != nil {
			return poison, err
		}
		var left []int
		var reason string
		tooLarge := false
		for i, result := range results {
			switch result.Outcome {
			case opensearch.Done, opensearch.Superseded:
			case opensearch.Poison:
				poison = append(poison, refusal{places[i], result.Reason})
			case opensearch.Refused:
				return poison, fmt.Errorf("index %s takes no writes: %s", index, result.Reason)
			case opensearch.TooLarge:
				tooLarge = true
				left = append(left, places[i])
			default:
				reason = result.Reason
				left = append(left, places[i])
			}
		}
		if tooLarge {
			return r.writeHalves(ctx, index, bulk, places, poison, busy)
		}
		if len(left) < bulk.Len() {
			pause, moved = firstPause, time.Now()
		}
		next := left
		bulk.Keep(func(i int) bool {
			if len(next) == 0 || next[0] != places[i] {
				return false
			}
			next = next[1:]
			return true
		})
		places = left
		if bulk.Len() == 0 {
			break
		}
		busy()
		if time.Since(moved) > writePatience {
			return poison, fmt.Errorf("%w: the search cluster has taken nothing for %s: %s", movie.ErrUnavailable, writePatience, reason)
		}
		select {
		case <-ctx.Done():
			return poison, ctx.Err()
		case <-time.After(pause/2 + time.Duration(time.Now().UnixNano())%pause):
		}
		pause = min(2*pause, lastPause)
	}
	return poison, nil
}

// writeHalves sends a request that is too large in two.
func (r *Rebuilder) writeHalves(ctx context.Context, index string, bulk *opensearch.Bulk, places []int, poison []refusal, busy func()) ([]refusal, error) {
	rest := bulk.Cut()
	half := bulk.Len()
	for _, part := range []struct {
		bulk   *opensearch.Bulk
		places []int
	}{{bulk, places[:half]}, {rest, places[half:]}} {
		refused, err := r.write(ctx, index, part.bulk, busy)
		for _, p := range refused {
			poison = append(poison, refusal{part.places[p.item], p.reason})
		}
		if err != nil {
			return poison, err
		}
	}
	return poison, nil
}

// park puts what the engine will never take into the dead-letter topic, as the
// indexer does with events.
func (r *Rebuilder) park(ctx context.Context, index string, version movie.Version, movies []movie.Movie, poison []refusal) error {
	letters := make([]kafka.DeadLetter, 0, len(poison))
	for _, p := range poison {
		m := &movies[p.item]
		value, err := kafka.EncodeEvent(movie.Event{ID: m.ID, Op: movie.OpUpsert, Version: version, Movie: m})
		if err != nil {
			return err
		}
		letters = append(letters, kafka.DeadLetter{Index: index, MovieID: m.ID, Version: version, Reason: p.reason,
			At: time.Now(), Key: kafka.EventKey(m.ID), Value: value})
		r.say.line("movie %d cannot be indexed and is parked (reindex dlq list): %s", m.ID, p.reason)
	}
	if len(letters) == 0 {
		return nil
	}
	return r.log.Park(ctx, letters)
}
