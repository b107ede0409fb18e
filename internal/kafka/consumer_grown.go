package kafka

import (
	"context"
	"log/slog"
	"time"
)

// grownCheck is how often a held partition is looked at.
const grownCheck = 500 * time.Millisecond

// awaitOlder holds back a partition that was added to a topic after the others:
// with it keys have moved, so that what comes in it may follow what is still
// unread in another. It returns when the group has finished everything that was
// in the others when the first message was in this one. A delete read before an
// older change of the same movie may have been forgotten by the engine by then.
func (c *Client) awaitOlder(ctx context.Context, group, topic string, partition int, older Offsets, log *slog.Logger) error {
	log.Warn("new partition: it is read when the others are finished up to now", "partition", partition)
	var until Offsets
	for {
		_, next, err := c.bounds(ctx, topic)
		if err == nil && until == nil && next[partition] > 0 {
			if _, until, err = c.bounds(ctx, topic); err != nil { // asked after the first message was seen
				until = nil
			}
		}
		if err == nil && until != nil {
			var done Offsets
			if done, err = c.GroupOffsets(ctx, group, topic); err == nil && reached(done, until, older) {
				log.Info("new partition: reading it from its beginning", "partition", partition)
				return nil
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("cannot learn how far the group is; trying again", "partition", partition, "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(grownCheck):
		}
	}
}

// reached tells whether a group has finished the named partitions up to where
// they are to be finished.
func reached(done, until, named Offsets) bool {
	for p := range named {
		if done[p] < until[p] {
			return false
		}
	}
	return true
}
