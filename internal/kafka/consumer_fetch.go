package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// fetchSize is the most that one answer of the cluster holds, in compressed
	// bytes, unless a single record batch is larger.
	fetchSize = 1 << 20
	// chunkSize is where an answer is cut into batches.
	chunkSize = 1 << 20
	// fetchWait is how long the cluster holds an answer back while there is
	// nothing to tell; the first message ends it.
	fetchWait = 500 * time.Millisecond
	// fetchTimeout is when an answer, or the rest of one, is given up.
	fetchTimeout = 10 * time.Second
)

// fetcher reads one partition from an offset on, over a connection of its own.
type fetcher struct {
	client    *Client
	topic     string
	partition int
	offset    int64 // of the next message to hand out
	out       chan<- Batch
	log       *slog.Logger
}

// run fetches until the context ends, which is no error. ErrNoOffsets means that
// the partition no longer holds what comes next.
func (f *fetcher) run(ctx context.Context) error {
	delays, at := retryDelays(), f.offset
	for {
		err := f.connectAndRead(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ended as it should
		}
		if f.offset > at {
			delays, at = retryDelays(), f.offset
		}
		if errors.Is(err, kafka.OffsetOutOfRange) {
			return fmt.Errorf("%w: topic %s, partition %d no longer holds offset %d", ErrNoOffsets, f.client.prefixed(f.topic), f.partition, f.offset)
		}
		f.log.Warn("fetching failed; trying again", "partition", f.partition, "offset", f.offset, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delays.NextBackOff()):
		}
	}
}

// connectAndRead reads from the partition's present leader until that fails.
func (f *fetcher) connectAndRead(ctx context.Context) error {
	conn, err := f.dialLeader(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // wakes a waiting read
	if _, err := conn.Seek(f.offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return err
	}
	for {
		if err := f.fetch(ctx, conn); err != nil && !errors.Is(err, kafka.RequestTimedOut) {
			return err
		}
	}
}

func (f *fetcher) dialLeader(ctx context.Context) (conn *kafka.Conn, err error) {
	dialer := f.client.dialer()
	for _, broker := range f.client.brokers {
		if conn, err = dialer.DialLeader(ctx, "tcp", broker, f.client.prefixed(f.topic), f.partition); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// fetch asks once and hands out what was answered.
func (f *fetcher) fetch(ctx context.Context, conn *kafka.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return err
	}
	began := f.offset
	answer := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchSize, MaxWait: fetchWait})
	end := answer.HighWaterMark()
	if err := errors.Join(f.handOut(ctx, conn, answer), answer.Close()); err != nil || f.offset > began || end <= began {
		return err
	}
	next, err := f.client.stepOver(ctx, f.topic, f.partition, f.offset, end)
	if err != nil {
		return err
	}
	f.offset = next
	_, err = conn.Seek(next, kafka.SeekAbsolute|kafka.SeekDontCheck)
	return err
}

func (f *fetcher) handOut(ctx context.Context, conn *kafka.Conn, answer *kafka.Batch) error {
	for {
		chunk, err := f.readChunk(answer)
		if len(chunk.Messages) > 0 {
			select {
			case f.out <- chunk:
			case <-ctx.Done():
				return ctx.Err()
			}
			f.offset = chunk.Messages[len(chunk.Messages)-1].Offset + 1
			if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readChunk reads up to chunkSize bytes; io.EOF ends the answer.
func (f *fetcher) readChunk(answer *kafka.Batch) (Batch, error) {
	chunk := Batch{Partition: f.partition, End: answer.HighWaterMark()}
	for chunk.Bytes < chunkSize {
		m, err := answer.ReadMessage()
		if err != nil {
			return chunk, err
		}
		chunk.Bytes += len(m.Key) + len(m.Value)
		chunk.Messages = append(chunk.Messages, fromLibrary(f.topic, m))
	}
	return chunk, nil
}

func fromLibrary(topic string, m kafka.Message) Message {
	out := Message{Topic: topic, Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Time: m.Time}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, Header{h.Key, h.Value})
	}
	return out
}
