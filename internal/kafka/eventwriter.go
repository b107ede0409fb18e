package kafka

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"movies/internal/movie"
)

// PublishEvents writes events to TopicChanges; all are acknowledged by all
// in-sync replicas when it returns without an error. Their documents were read
// when the time read had come; ErrLate means that this was too long ago, and that
// the events are to be made anew. An event that can never be
// published (it is not valid, or larger than MaxMessageBytes) is parked as a
// dead letter and comes back in parked, so that it blocks nothing but itself.
func (c *Client) PublishEvents(ctx context.Context, read time.Time, events []movie.Event) (parked []DeadLetter, err error) {
	messages, indexes, parked := encodeEvents(read, events)
	if err = c.Publish(ctx, TopicChanges, messages); err != nil {
		var failed *PublishError
		if !errors.As(err, &failed) || !failed.Rejected() {
			return nil, err
		}
		for i, reason := range failed.Failed {
			parked = append(parked, unpublished(&events[indexes[i]], messages[i].Value, reason))
		}
	}
	if len(parked) == 0 {
		return nil, nil
	}
	if err := c.Park(ctx, parked); err != nil {
		return nil, fmt.Errorf("park %d events: %w", len(parked), err)
	}
	return parked, nil
}

// encodeEvents encodes on all processors. indexes maps a message to its event.
func encodeEvents(read time.Time, events []movie.Event) (messages []Message, indexes []int, refused []DeadLetter) {
	encoded := make([][]byte, len(events))
	errs := make([]error, len(events))
	share := (len(events) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for from := 0; from < len(events); from += share {
		wg.Go(func() {
			for i := from; i < min(from+share, len(events)); i++ {
				encoded[i], errs[i] = EncodeEvent(events[i])
			}
		})
	}
	wg.Wait()
	messages = make([]Message, 0, len(events))
	for i := range events {
		if errs[i] != nil {
			refused = append(refused, unpublished(&events[i], nil, errs[i]))
			continue
		}
		messages = append(messages, Message{Key: EventKey(events[i].ID), Value: encoded[i], Time: read})
		indexes = append(indexes, i)
	}
	return messages, indexes, refused
}

func unpublished(e *movie.Event, value []byte, reason error) DeadLetter {
	return DeadLetter{MovieID: e.ID, Version: e.Version, Reason: reason.Error(), Key: EventKey(e.ID), Value: value}
}
