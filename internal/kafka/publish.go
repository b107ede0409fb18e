package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"
)

const (
	// batchBytes is where a partition's messages are cut into record batches: far
	// enough below the brokers' usual limit of 1 MiB for framing.
	batchBytes = 900 << 10
	// publishPatience is how long temporary errors (no leader, too few in-sync
	// replicas, a lost connection) are retried before Publish gives up.
	publishPatience = 30 * time.Second
	// compression: of the codecs, lz4 costs the least time for the bytes it saves
	// on movie events (see BenchmarkCompression).
	compression = kafka.Lz4
)

// Publish writes messages to a topic and returns when all in-sync replicas have
// acknowledged all of them; otherwise the error is a *PublishError, unless not
// even the topic's partitions could be learned. Temporary errors are retried
// for up to 30 s, or until the context ends. Messages of one partition are
// written in the order given. The messages must not change meanwhile.
func (c *Client) Publish(ctx context.Context, topic string, messages []Message) error {
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, publishPatience, errors.New("gave up after "+publishPatience.String()))
	defer cancel()
	partitions, err := c.awaitPartitions(ctx, topic)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	byPartition := make([][]int, partitions)
	partitionOf := partitioner(partitions)
	tooLarge := make(map[int]error)
	for i := range messages {
		if size := messageSize(&messages[i]); size > MaxMessageBytes {
			tooLarge[i] = fmt.Errorf("%w: %d bytes, at most %d are accepted", ErrRejected, size, MaxMessageBytes)
			continue
		}
		p := partitionOf(messages[i].Key)
		byPartition[p] = append(byPartition[p], i)
	}
	failed := make([]map[int]error, partitions)
	var g errgroup.Group
	for p, indexes := range byPartition {
		if len(indexes) > 0 {
			g.Go(func() error {
				failed[p] = c.publishPartition(ctx, topic, p, messages, indexes)
				return nil
			})
		}
	}
	_ = g.Wait() // the failures are in failed
	return publishError(append(failed, tooLarge))
}

func publishError(failed []map[int]error) error {
	all := make(map[int]error)
	for _, f := range failed {
		for i, err := range f {
			all[i] = err
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &PublishError{Failed: all}
}

// publishPartition writes one partition's messages in order, batch by batch, and
// gives the failures by index. A batch that fails for good ends it, except for
// messages that are rejected: those fail alone.
func (c *Client) publishPartition(ctx context.Context, topic string, partition int, messages []Message, indexes []int) map[int]error {
	failed := make(map[int]error)
	for len(indexes) > 0 {
		n := batchLength(messages, indexes)
		for i, err := range c.publishBatch(ctx, topic, partition, messages, indexes[:n]) {
			failed[i] = err
		}
		indexes = indexes[n:]
		if ctx.Err() != nil {
			for _, i := range indexes {
				failed[i] = context.Cause(ctx)
			}
			break
		}
	}
	return failed
}

// publishBatch writes one record batch, retrying what is temporary. When the
// broker finds it too large or not valid, halving finds the culprit.
func (c *Client) publishBatch(ctx context.Context, topic string, partition int, messages []Message, indexes []int) map[int]error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := c.produce(ctx, topic, partition, records(messages, indexes))
		if err != nil && !temporary(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(retryDelays()), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return nil
	case rejected(err) && len(indexes) > 1:
		half := len(indexes) / 2
		failed := c.publishBatch(ctx, topic, partition, messages, indexes[:half])
		return merge(failed, c.publishBatch(ctx, topic, partition, messages, indexes[half:]))
	case rejected(err):
		return map[int]error{indexes[0]: fmt.Errorf("%w: %w", ErrRejected, err)}
	}
	if errors.Is(err, kafka.InvalidTimestamp) {
		err = ErrLate
	}
	failed := make(map[int]error, len(indexes))
	for _, i := range indexes {
		failed[i] = err
	}
	return failed
}

func (c *Client) produce(ctx context.Context, topic string, partition int, batch []kafka.Record) error {
	res, err := c.client.Produce(ctx, &kafka.ProduceRequest{
		Topic:        c.prefixed(topic),
		Partition:    partition,
		RequiredAcks: kafka.RequireAll,
		Records:      kafka.NewRecordReader(batch...),
		Compression:  compression,
	})
	if err != nil {
		return err
	}
	return res.Error
}

func records(messages []Message, indexes []int) []kafka.Record {
	batch := make([]kafka.Record, len(indexes))
	now := time.Now()
	for n, i := range indexes {
		m := &messages[i]
		batch[n] = kafka.Record{Time: m.Time, Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value)}
		if m.Time.IsZero() {
			batch[n].Time = now
		}
		for _, h := range m.Headers {
			batch[n].Headers = append(batch[n].Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
	}
	return batch
}

// batchLength is how many of the messages fit into one record batch; at least 1.
func batchLength(messages []Message, indexes []int) int {
	size := 0
	for n, i := range indexes {
		size += messageSize(&messages[i])
		if size > batchBytes && n > 0 {
			return n
		}
	}
	return len(indexes)
}

func messageSize(m *Message) int {
	const framing = 32
	size := len(m.Key) + len(m.Value) + framing
	for _, h := range m.Headers {
		size += len(h.Key) + len(h.Value) + framing
	}
	return size
}

func merge(into, from map[int]error) map[int]error {
	if into == nil {
		return from
	}
	for i, err := range from {
		into[i] = err
	}
	return into
}

// partitioner gives the partition of a key: murmur2, as the Java client's default
// partitioner computes it, so that every tool agrees where a key lives.
func partitioner(partitions int) func(key []byte) int {
	choice := make([]int, partitions)
	for i := range choice {
		choice[i] = i
	}
	return func(key []byte) int {
		return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, choice...)
	}
}

func retryDelays() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, 2*time.Second
	return b
}
