package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrNoOffsets means that the consumer group has no place to go on from, because nobody
// has set its offsets, because the cluster has forgotten them, or because what
// they point at is no longer in the topic. Reading from elsewhere would skip or
// miss changes without anyone noticing, so nothing is read.
var ErrNoOffsets = errors.New("consumer group has no valid offsets")

// How a member takes part in its group. A member that dies without leaving holds
// its partitions for sessionTimeout; one that is asked to rebalance learns it
// within heartbeatInterval.
const (
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = time.Second
	partitionsChecked = 5 * time.Second
	rejoinDelay       = time.Second
)

// Consume takes part in a consumer group on one topic until the context ends,
// which is no error. Whenever the group's partitions have been shared out anew,
// handle is called with this member's share; the session's context ends when the
// share is taken away, and handle must then return within seconds, for the group
// waits for it. There is one call of handle at a time. An error that handle
// returns while its context is alive ends Consume.
//
// It is built on the library's ConsumerGroup and connections, not on its Reader:
// that one starts where it likes when offsets are missing, steps over what has
// been removed from a topic without a word, and buffers a number of messages
// whatever their size.
//
// The error is ErrNoOffsets when the group has none, and otherwise handle's.
// Failures to reach the cluster are logged and survived.
func (c *Client) Consume(ctx context.Context, group, topic string, log *slog.Logger, handle func(context.Context, *Session) error) error {
	members, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     c.prefixed(group),
		Brokers:                c.brokers,
		Dialer:                 c.dialer(),
		Topics:                 []string{c.prefixed(topic)},
		GroupBalancers:         []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
		HeartbeatInterval:      heartbeatInterval,
		SessionTimeout:         sessionTimeout,
		RebalanceTimeout:       sessionTimeout,
		JoinGroupBackoff:       rejoinDelay,
		WatchPartitionChanges:  true,
		PartitionWatchInterval: partitionsChecked,
		StartOffset:            kafka.FirstOffset, // recognised below as "none"
	})
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", c.prefixed(group), err)
	}
	defer func() { _ = members.Close() }() // leaves the group, so that others take over at once
	for {
		generation, err := members.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, kafka.RebalanceInProgress) {
			continue // others are joining or leaving, too
		}
		if err != nil {
			log.Warn("cannot join the consumer group; trying again", "error", err)
			continue
		}
		if err := c.takePart(ctx, generation, group, topic, log, handle); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// takePart runs one session from the sharing out of partitions to the next.
func (c *Client) takePart(ctx context.Context, g *kafka.Generation, group, topic string, log *slog.Logger, handle func(context.Context, *Session) error) error {
	done := make(chan error, 1)
	g.Start(func(shared context.Context) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(shared, func() { cancel(kafka.ErrGenerationEnded) })()
		err := c.runSession(ctx, g, group, topic, log, handle)
		if ctx.Err() != nil {
			err = nil // ended by the group or the caller
		}
		done <- err
	})
	return <-done
}

func (c *Client) runSession(ctx context.Context, g *kafka.Generation, group, topic string, log *slog.Logger, handle func(context.Context, *Session) error) error {
	start, older, err := c.startOffsets(ctx, g, group, topic)
	if err != nil {
		return c.refused(ctx, err, log)
	}
	log.Info("partitions taken", "generation", g.ID, "partitions", slices.Sorted(maps.Keys(start)))
	batches := make(chan Batch)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stop := c.fetchAll(ctx, topic, start, batches, log, end, func(ctx context.Context, partition int) error {
		if _, known := older[partition]; known {
			return nil
		}
		return c.awaitOlder(ctx, group, topic, partition, older, log)
	})
	defer stop()
	err = handle(ctx, NewSession(start, batches, c.committer(g, topic)))
	if cause := context.Cause(ctx); errors.Is(cause, ErrNoOffsets) {
		return cause
	}
	return err
}

// refused passes ErrNoOffsets on. Other errors end this session only: the group
// is joined again after a moment.
func (c *Client) refused(ctx context.Context, err error, log *slog.Logger) error {
	if errors.Is(err, ErrNoOffsets) {
		return err
	}
	log.Warn("cannot learn the group's offsets; joining again", "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(rejoinDelay):
	}
	return nil
}

// startOffsets is where each of this member's partitions goes on, and what the
// group has committed. A partition without an offset is new if the group has
// offsets of others: it is read from its first message (see awaitOlder), provided
// that nothing has been removed before that.
func (c *Client) startOffsets(ctx context.Context, g *kafka.Generation, group, topic string) (start, committed Offsets, err error) {
	if committed, err = c.GroupOffsets(ctx, group, topic); err != nil {
		return nil, nil, err
	}
	first, next, err := c.bounds(ctx, topic)
	if err != nil {
		return nil, nil, err
	}
	if len(committed) == 0 {
		return nil, nil, fmt.Errorf("%w: group %s on topic %s", ErrNoOffsets, c.prefixed(group), c.prefixed(topic))
	}
	start = make(Offsets)
	for _, a := range g.Assignments[c.prefixed(topic)] {
		offset := committed[a.ID]
		if offset < first[a.ID] || offset > next[a.ID] {
			return nil, nil, fmt.Errorf("%w: group %s, topic %s, partition %d: it would go on from offset %d, the topic holds %d up to %d",
				ErrNoOffsets, c.prefixed(group), c.prefixed(topic), a.ID, offset, first[a.ID], next[a.ID])
		}
		start[a.ID] = offset
	}
	return start, committed, nil
}

func (c *Client) dialer() *kafka.Dialer {
	return &kafka.Dialer{
		ClientID:      c.clientID,
		Timeout:       5 * time.Second,
		DialFunc:      c.transport.Dial,
		TLS:           c.transport.TLS,
		SASLMechanism: c.transport.SASL,
	}
}
