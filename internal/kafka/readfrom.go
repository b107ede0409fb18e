package kafka

import "context"

// ReadFrom gives every message from the offsets on that the topic holds now to
// the function, partition by partition, in order, without a consumer group.
// Partitions without an offset are read from their beginning. An error of the
// function ends it.
func (c *Client) ReadFrom(ctx context.Context, topic string, from Offsets, each func(Message) error) error {
	first, next, err := c.bounds(ctx, topic)
	if err != nil {
		return err
	}
	for p := range len(next) {
		if err := c.readPartition(ctx, topic, p, max(first[p], from[p]), next[p], each); err != nil {
			return err
		}
	}
	return nil
}
