package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// stepOver gives the offset from which to go on where a fetch finds nothing new
// although the partition goes on: where the last messages of a batch have been
// compacted away and the batch is the last of its segment, the cluster answers
// with that batch again, and the library does not tell where it ends. Offsets in
// the hole are told from those behind it by what a fetch answers, so its end is
// found by halving. The hole ends at the partition's end, or before.
func (c *Client) stepOver(ctx context.Context, topic string, partition int, from, end int64) (int64, error) {
	if ahead, err := c.answersFrom(ctx, topic, partition, from, from); err != nil || ahead {
		return from, err // not a hole: the next fetch will do
	}
	inside, outside := from, end
	for outside-inside > 1 {
		middle := inside + (outside-inside)/2
		ahead, err := c.answersFrom(ctx, topic, partition, middle, from)
		if err != nil {
			return from, err
		}
		if ahead {
			outside = middle
		} else {
			inside = middle
		}
	}
	return outside, nil
}

// answersFrom tells whether a fetch at an offset is answered with messages from
// another offset on. An answer without any message tells nothing and is an error.
func (c *Client) answersFrom(ctx context.Context, topic string, partition int, at, from int64) (bool, error) {
	res, err := c.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: c.prefixed(topic), Partition: partition, Offset: at, MinBytes: 1, MaxBytes: 1, MaxWait: time.Second})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return false, err
	}
	for seen := false; ; seen = true {
		record, err := res.Records.ReadRecord()
		switch {
		case errors.Is(err, io.EOF) && seen:
			return false, nil
		case err != nil:
			return false, fmt.Errorf("partition %d, offset %d: %w", partition, at, err)
		case record.Offset >= from:
			return true, nil
		}
	}
}
