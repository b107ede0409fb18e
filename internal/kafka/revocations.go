package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"movies/internal/auth/identity"
)

// revocationPoll is how often the end of TopicRevocations is looked at.
const revocationPoll = 250 * time.Millisecond

const revocationSchema = 1

type revocationRecord struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
}

// PublishRevocations tells every api process that sessions have ended. It
// returns as Publish does.
func (c *Client) PublishRevocations(ctx context.Context, ended []identity.Revocation) error {
	messages := make([]Message, len(ended))
	for i, r := range ended {
		value, err := json.Marshal(revocationRecord{revocationSchema, r.At.UTC()})
		if err != nil {
			return fmt.Errorf("revocation: %w", err)
		}
		messages[i] = Message{Key: []byte(r.Session), Value: value, Time: r.At}
	}
	return c.Publish(ctx, TopicRevocations, messages)
}

// FollowRevocations gives what the topic holds, then what comes, to the function,
// until the context ends or Kafka cannot be read. It has no consumer group: every
// process reads all of it, and one that begins anew may give again what it gave.
func (c *Client) FollowRevocations(ctx context.Context, each func(identity.Revocation)) error {
	next := Offsets{}
	for {
		first, end, err := c.bounds(ctx, TopicRevocations)
		if err != nil {
			return err
		}
		for p, upTo := range end {
			from := max(next[p], first[p])
			if next[p] > upTo { // another topic of that name
				from = first[p]
			}
			err := c.readPartition(ctx, TopicRevocations, p, from, upTo, func(m Message) error { each(revocation(m)); return nil })
			if err != nil {
				return err
			}
			next[p] = upTo
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(revocationPoll):
		}
	}
}

// revocation reads a message. The session is its key, so even a value of a newer
// schema, or none, ends it: at the time of the message.
func revocation(m Message) identity.Revocation {
	var r revocationRecord
	if err := json.Unmarshal(m.Value, &r); err != nil || r.Schema > revocationSchema || r.At.IsZero() {
		r.At = m.Time
	}
	return identity.Revocation{Session: string(m.Key), At: r.At}
}
