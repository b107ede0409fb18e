package indexer

import (
	"errors"
	"fmt"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

// request is a bulk request and, item by item, the changes it is made of.
type request struct {
	opensearch.Bulk
	changes []change
}

// change is a decoded message.
type change struct {
	message *kafka.Message
	event   movie.Event
}

// deadLetter is the change as it is parked.
func deadLetter(index string, c *change, reason string) kafka.DeadLetter {
	m := c.message
	return kafka.DeadLetter{
		Index: index, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		MovieID: c.event.ID, Version: c.event.Version, Reason: reason, At: time.Now(), Key: m.Key, Value: m.Value,
	}
}

// decode gives the changes of a work, of each movie only the one with the highest
// version, and the messages that are none. coalesced is how many changes were
// left out. An event of a newer release is an error: it is not for this process
// to judge.
func decode(index string, messages []kafka.Message) (changes []change, poison []kafka.DeadLetter, coalesced int, err error) {
	changes = make([]change, 0, len(messages))
	newest := make(map[int64]int, len(messages)) // movie -> its place in changes
	for i := range messages {
		c := change{message: &messages[i]}
		c.event, err = kafka.DecodeEvent(messages[i].Value)
		if errors.Is(err, kafka.ErrNewerSchema) {
			return nil, nil, 0, fmt.Errorf("partition %d, offset %d: %w", messages[i].Partition, messages[i].Offset, err)
		}
		if err != nil {
			poison = append(poison, deadLetter(index, &c, err.Error()))
			continue
		}
		at, seen := newest[c.event.ID]
		switch {
		case !seen:
			newest[c.event.ID] = len(changes)
			changes = append(changes, c)
		case c.event.Version > changes[at].event.Version:
			changes[at] = c
			coalesced++
		default:
			coalesced++
		}
	}
	return changes, poison, coalesced, nil
}

// newRequest encodes the changes. A document that cannot be JSON is poison.
func newRequest(index string, changes []change) (*request, []kafka.DeadLetter) {
	r := &request{changes: make([]change, 0, len(changes))}
	var poison []kafka.DeadLetter
	for _, c := range changes {
		if c.event.Op == movie.OpDelete {
			r.Delete(c.event.ID, c.event.Version)
		} else if err := r.Index(c.event.ID, c.event.Version, mappings.Project(*c.event.Movie)); err != nil {
			poison = append(poison, deadLetter(index, &c, err.Error()))
			continue
		}
		r.changes = append(r.changes, c)
	}
	return r, poison
}

// keep drops the items for which keep is false.
func (r *request) keep(keep func(i int) bool) {
	kept := r.changes[:0]
	r.Keep(func(i int) bool {
		ok := keep(i)
		if ok {
			kept = append(kept, r.changes[i])
		}
		return ok
	})
	r.changes = kept
}

// cut moves the second half into a new request.
func (r *request) cut() *request {
	rest := &request{Bulk: *r.Cut()}
	at := len(r.changes) - rest.Len()
	rest.changes = r.changes[at:]
	r.changes = r.changes[:at:at]
	return rest
}
