package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Offsets maps a partition to an offset: of the next message to read.
type Offsets map[int]int64

// EndOffsets gives the offset behind the last message of every partition.
func (c *Client) EndOffsets(ctx context.Context, topic string) (Offsets, error) {
	_, last, err := c.bounds(ctx, topic)
	return last, err
}

// bounds gives the first and the next offset of every partition.
func (c *Client) bounds(ctx context.Context, topic string) (first, next Offsets, err error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, nil, fmt.Errorf("offsets of %s: %w", c.prefixed(topic), err)
	}
	var wanted []kafka.OffsetRequest
	for p := range n {
		wanted = append(wanted, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	name := c.prefixed(topic)
	res, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{name: wanted}})
	if err != nil {
		return nil, nil, fmt.Errorf("offsets of %s: %w", name, err)
	}
	first, next = make(Offsets, n), make(Offsets, n)
	for _, p := range res.Topics[name] {
		if p.Error != nil {
			return nil, nil, fmt.Errorf("offsets of %s, partition %d: %w", name, p.Partition, p.Error)
		}
		first[p.Partition], next[p.Partition] = p.FirstOffset, p.LastOffset
	}
	return first, next, nil
}

// OffsetsSince gives the offset of the first message of every partition that was
// published at or after the time, by its producer's clock; behind the last one
// where there is none.
func (c *Client) OffsetsSince(ctx context.Context, topic string, at time.Time) (Offsets, error) {
	_, offsets, err := c.bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	name := c.prefixed(topic)
	var wanted []kafka.OffsetRequest
	for p := range offsets {
		wanted = append(wanted, kafka.TimeOffsetOf(p, at))
	}
	res, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{name: wanted}})
	if err != nil {
		return nil, fmt.Errorf("offsets of %s at %s: %w", name, at, err)
	}
	for _, p := range res.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("offsets of %s at %s, partition %d: %w", name, at, p.Partition, p.Error)
		}
		for offset := range p.Offsets {
			if offset >= 0 {
				offsets[p.Partition] = min(offsets[p.Partition], offset)
			}
		}
	}
	return offsets, nil
}

// GroupOffsets gives what a consumer group has committed. A partition for which
// it has committed nothing, or whose commit was lost, is not in the answer.
func (c *Client) GroupOffsets(ctx context.Context, group, topic string) (Offsets, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", c.prefixed(group), err)
	}
	partitions := make([]int, n)
	for p := range partitions {
		partitions[p] = p
	}
	name := c.prefixed(topic)
	var res *kafka.OffsetFetchResponse
	err = retry(ctx, func() error {
		res, err = c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: c.prefixed(group), Topics: map[string][]int{name: partitions}})
		if err == nil {
			err = res.Error
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", c.prefixed(group), err)
	}
	offsets := make(Offsets, n)
	for _, p := range res.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("offsets of group %s, partition %d: %w", c.prefixed(group), p.Partition, p.Error)
		}
		if p.CommittedOffset >= 0 {
			offsets[p.Partition] = p.CommittedOffset
		}
	}
	return offsets, nil
}

// SetGroupOffsets makes a group go on from the given offsets. It fails while the
// group has members.
func (c *Client) SetGroupOffsets(ctx context.Context, group, topic string, offsets Offsets) error {
	name := c.prefixed(topic)
	var commits []kafka.OffsetCommit
	for p, o := range offsets {
		commits = append(commits, kafka.OffsetCommit{Partition: p, Offset: o})
	}
	err := retry(ctx, func() error {
		res, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID: c.prefixed(group), GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{name: commits}})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[name] {
			err = errors.Join(err, p.Error)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("set offsets of group %s: %w", c.prefixed(group), err)
	}
	return nil
}

// DeleteGroup forgets a group and its offsets. A group that does not exist is
// no error; one that has members is.
func (c *Client) DeleteGroup(ctx context.Context, group string) error {
	name := c.prefixed(group)
	err := retry(ctx, func() error {
		res, err := c.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{name}})
		if err != nil {
			return err
		}
		return res.Errors[name]
	})
	if err != nil && !errors.Is(err, kafka.GroupIdNotFound) {
		return fmt.Errorf("delete group %s: %w", name, err)
	}
	return nil
}

// Lag is how many messages a group has yet to read, by partition. A partition
// without a committed offset counts from its first message.
func (c *Client) Lag(ctx context.Context, group, topic string) (map[int]int64, error) {
	committed, err := c.GroupOffsets(ctx, group, topic)
	if err != nil {
		return nil, err
	}
	first, next, err := c.bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	lag := make(map[int]int64, len(next))
	for p, end := range next {
		from, ok := committed[p]
		if !ok || from < first[p] {
			from = first[p]
		}
		lag[p] = max(0, end-from)
	}
	return lag, nil
}
