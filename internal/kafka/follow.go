package kafka

import (
	"context"
	"time"
)

// Follower is told what happens in a topic. Its functions are called one at a time.
type Follower struct {
	// Each is given every message.
	Each func(Message)
	// Current tells that all messages published before asOf have been given.
	Current func(asOf time.Time)
	// Gap tells that messages may have been missed: at the beginning, and when the
	// topic is another one than before.
	Gap func()
	// Failed is told why a round failed. The next one begins where it ended.
	Failed func(error)
}

// Follow gives the messages of a topic from about now on, partition by partition
// in order, until the context ends: without a consumer group, so that every
// process that follows sees all of them. It looks for new ones at the interval.
// While the cluster is away nothing is given and nothing is missed. Messages may
// be given twice.
func (c *Client) Follow(ctx context.Context, topic string, interval time.Duration, f Follower) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var at Offsets
	for {
		began := time.Now()
		next, err := c.followOnce(ctx, topic, at, f)
		switch {
		case err == nil:
			at = next
			f.Current(began)
		case ctx.Err() == nil:
			f.Failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// followOnce gives what was published since at, and returns where that ends. After
// a gap it begins at the end.
func (c *Client) followOnce(ctx context.Context, topic string, at Offsets, f Follower) (Offsets, error) {
	first, next, err := c.bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	if at == nil || another(at, first, next) {
		f.Gap()
		return next, nil
	}
	for p, end := range next {
		from := max(at[p], first[p]) // a partition that was added is read from its beginning
		err := c.readPartition(ctx, topic, p, from, end, func(m Message) error { f.Each(m); return nil })
		if err != nil {
			return nil, err
		}
	}
	return next, nil
}

// another tells whether messages behind at are gone, or at was of another topic.
func another(at, first, next Offsets) bool {
	for p, offset := range at {
		if offset > next[p] || offset < first[p] {
			return true
		}
	}
	return false
}
