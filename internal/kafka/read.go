package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	fetchBytes = 8 << 20
	// readPatience is how long a fetch may fail for temporary reasons.
	readPatience = 30 * time.Second
)

// ReadAll gives every message that the topic holds now to the function, partition
// by partition, in order, without a consumer group, and then returns. Messages
// that arrive meanwhile are not waited for. An error of the function ends it.
func (c *Client) ReadAll(ctx context.Context, topic string, each func(Message) error) error {
	return c.ReadFrom(ctx, topic, nil, each)
}

// readPartition gives the messages from one offset up to another. Compaction may
// have left holes anywhere.
func (c *Client) readPartition(ctx context.Context, topic string, partition int, from, end int64, each func(Message) error) error {
	for from < end {
		var next int64
		bounded, cancel := context.WithTimeout(ctx, readPatience)
		err := retry(bounded, func() (err error) {
			next, err = c.fetch(bounded, topic, partition, from, end, each)
			return err
		})
		cancel()
		if err != nil {
			return fmt.Errorf("read %s, partition %d, offset %d: %w", c.prefixed(topic), partition, from, err)
		}
		from = next
	}
	return nil
}

// handlerError carries an error of the caller's function past the retries.
type handlerError struct{ error }

func (e handlerError) Unwrap() error { return e.error }

// fetch gives the messages of one fetch and the offset to go on from.
func (c *Client) fetch(ctx context.Context, topic string, partition int, from, end int64, each func(Message) error) (int64, error) {
	res, err := c.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: c.prefixed(topic), Partition: partition, Offset: from,
		MinBytes: 1, MaxBytes: fetchBytes, MaxWait: 200 * time.Millisecond,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return from, err
	}
	start := from
	for {
		record, err := res.Records.ReadRecord()
		if err == nil && record.Offset >= end {
			return end, nil
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && from > start {
			return from, nil // the error comes again if it stays
		}
		if err != nil {
			return from, err
		}
		if record.Offset < from {
			continue
		}
		m, err := message(topic, partition, record)
		if err != nil {
			return from, err
		}
		if err := each(m); err != nil {
			return from, handlerError{err}
		}
		from = record.Offset + 1
	}
	if from == start {
		return c.stepOver(ctx, topic, partition, from, end)
	}
	return from, nil
}

func message(topic string, partition int, r *kafka.Record) (Message, error) {
	key, err := readBytes(r.Key)
	if err != nil {
		return Message{}, err
	}
	value, err := readBytes(r.Value)
	if err != nil {
		return Message{}, err
	}
	m := Message{Topic: topic, Partition: partition, Offset: r.Offset, Key: key, Value: value, Time: r.Time}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, Header{h.Key, h.Value})
	}
	return m, nil
}

func readBytes(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	content, err := kafka.ReadAll(b)
	return content, errors.Join(err, b.Close())
}
