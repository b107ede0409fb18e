package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"movies/internal/movie"
)

// DeadLetter is a message that could not be applied, with its original bytes.
type DeadLetter struct {
	// Index is the index that refused the event, or "" when the relay could not
	// even publish it.
	Index string
	// Topic, Partition and Offset are where the message was read.
	Topic     string
	Partition int
	Offset    int64
	// MovieID and Version are those of the event; 0 when it could not be decoded.
	MovieID int64
	Version movie.Version
	// Reason says in one line what was wrong.
	Reason string
	// Truncated: the value is only the beginning, the whole being too large.
	Truncated bool
	// At is when the letter was parked.
	At time.Time
	// Key and Value are the message's original bytes.
	Key, Value []byte
}

// truncatedBytes is how much is kept of a value that the topic does not take.
const truncatedBytes = 64 << 10

// The headers of a dead letter.
const (
	headerIndex     = "index"
	headerKey       = "key"
	headerMovie     = "movie_id"
	headerReason    = "reason"
	headerSource    = "source"
	headerTruncated = "truncated"
	headerVersion   = "version"
)

// ID names the letter: the index and the message's place. Parking the same
// message again replaces the letter. Without a place the movie's id stands in.
func (d *DeadLetter) ID() string {
	if d.Topic == "" {
		return fmt.Sprintf("%s/movie/%d", d.Index, d.MovieID)
	}
	return d.Index + "/" + d.source()
}

func (d *DeadLetter) source() string {
	return fmt.Sprintf("%s/%d/%d", d.Topic, d.Partition, d.Offset)
}

// Park puts letters into the dead-letter topic; they are there, acknowledged by
// all in-sync replicas, when it returns nil.
func (c *Client) Park(ctx context.Context, letters []DeadLetter) error {
	messages := make([]Message, len(letters))
	for i := range letters {
		messages[i] = letters[i].message()
	}
	err := c.Publish(ctx, TopicDLQ, messages)
	var failed *PublishError
	if !errors.As(err, &failed) || !failed.Rejected() {
		return err
	}
	var truncated []Message
	for i := range failed.Failed {
		d := letters[i]
		d.Value, d.Truncated = d.Value[:min(len(d.Value), truncatedBytes)], true
		truncated = append(truncated, d.message())
	}
	return c.Publish(ctx, TopicDLQ, truncated)
}

// Discard removes letters that have been dealt with, by ID.
func (c *Client) Discard(ctx context.Context, ids []string) error {
	messages := make([]Message, len(ids))
	for i, id := range ids {
		messages[i] = Message{Key: []byte(id)}
	}
	return c.Publish(ctx, TopicDLQ, messages)
}

// DeadLetters lists the letters that are parked now, oldest first.
func (c *Client) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	type placed struct {
		letter DeadLetter
		offset int64
	}
	present := make(map[string]placed)
	err := c.ReadAll(ctx, TopicDLQ, func(m Message) error {
		if m.Value == nil {
			delete(present, string(m.Key))
			return nil
		}
		d, err := deadLetter(&m)
		if err != nil {
			return fmt.Errorf("dead letter %s: %w", m.Key, err)
		}
		present[string(m.Key)] = placed{d, m.Offset}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ordered := make([]placed, 0, len(present))
	for _, p := range present {
		ordered = append(ordered, p)
	}
	slices.SortFunc(ordered, func(a, b placed) int { return int(a.offset - b.offset) })
	letters := make([]DeadLetter, len(ordered))
	for i, p := range ordered {
		letters[i] = p.letter
	}
	return letters, nil
}

func (d *DeadLetter) message() Message {
	value := d.Value
	if value == nil {
		value = []byte{} // nil would be a tombstone
	}
	m := Message{Key: []byte(d.ID()), Value: value, Time: d.At}
	for _, h := range [][2]string{
		{headerIndex, d.Index}, {headerKey, string(d.Key)}, {headerMovie, strconv.FormatInt(d.MovieID, 10)},
		{headerReason, d.Reason}, {headerVersion, d.Version.String()}, {headerTruncated, strconv.FormatBool(d.Truncated)},
	} {
		m.Headers = append(m.Headers, Header{h[0], []byte(h[1])})
	}
	if d.Topic != "" {
		m.Headers = append(m.Headers, Header{headerSource, []byte(d.source())})
	}
	return m
}

func deadLetter(m *Message) (DeadLetter, error) {
	id, err1 := strconv.ParseInt(m.Header(headerMovie), 10, 64)
	version, err2 := strconv.ParseInt(m.Header(headerVersion), 10, 64)
	d := DeadLetter{Index: m.Header(headerIndex), MovieID: id, Version: movie.Version(version), Reason: m.Header(headerReason),
		Truncated: m.Header(headerTruncated) == "true", At: m.Time, Key: []byte(m.Header(headerKey)), Value: m.Value}
	if err := errors.Join(err1, err2); err != nil {
		return DeadLetter{}, err
	}
	if source := m.Header(headerSource); source != "" {
		if err := d.parseSource(source); err != nil {
			return DeadLetter{}, err
		}
	}
	return d, nil
}

func (d *DeadLetter) parseSource(s string) error {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return fmt.Errorf("source %q is not TOPIC/PARTITION/OFFSET", s)
	}
	partition, err1 := strconv.Atoi(parts[1])
	offset, err2 := strconv.ParseInt(parts[2], 10, 64)
	d.Topic, d.Partition, d.Offset = parts[0], partition, offset
	return errors.Join(err1, err2)
}
