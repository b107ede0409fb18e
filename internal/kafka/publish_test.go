package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/sample"
)

func TestKeysGoWhereJavaPutsThem(t *testing.T) {
	// As the default partitioner of the Java client 4.3.1 computes it.
	for key, want := range map[string]int{"1": 3, "42": 4, "603": 0, "9007199254740993": 3, "": 3, "9223372036854775807": 3} {
		if got := partitioner(6)([]byte(key)); got != want {
			t.Errorf("key %q goes to partition %d, Java puts it into %d", key, got, want)
		}
	}
}

func TestPublishKeepsOrderAndContent(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	var sent []Message
	for i := range 5000 { // several record batches in each partition
		sent = append(sent, Message{Key: EventKey(int64(i % 7)), Value: fmt.Appendf(nil, "%d %s", i, randomBytes(800)),
			Headers: []Header{{"n", fmt.Append(nil, i)}}})
	}
	if err := c.Publish(t.Context(), TopicChanges, sent); err != nil {
		t.Fatal(err)
	}
	got := readAll(t, c, TopicChanges)
	for i, m := range sent {
		key := string(m.Key)
		if len(got[key]) == 0 {
			t.Fatalf("message %d is missing", i)
		}
		first := got[key][0]
		got[key] = got[key][1:]
		if !bytes.Equal(first.Value, m.Value) || first.Header("n") != fmt.Sprint(i) || time.Since(first.Time) > time.Minute {
			t.Fatalf("key %s: message %d came as %.20q n=%s at %v", key, i, first.Value, first.Header("n"), first.Time)
		}
	}
	for key, rest := range got {
		if len(rest) > 0 {
			t.Errorf("%d messages of key %s were not sent", len(rest), key)
		}
	}
}

func TestOnlyTheMessageThatIsTooLargeIsRejected(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	messages := []Message{
		{Key: []byte("a"), Value: []byte("small")},
		{Key: []byte("a"), Value: randomBytes(MaxMessageBytes + 1)},
		{Key: []byte("a"), Value: randomBytes(2 << 20)},
		{Key: []byte("a"), Value: []byte("also small")},
	}
	err := c.Publish(t.Context(), TopicChanges, messages)
	var failed *PublishError
	if !errors.As(err, &failed) || !failed.Rejected() || len(failed.Failed) != 1 || failed.Failed[1] == nil {
		t.Fatalf("got %v, want message 1 rejected", err)
	}
	if got := readAll(t, c, TopicChanges)["a"]; len(got) != 3 {
		t.Errorf("%d messages arrived, want the other 3", len(got))
	}
}

func TestEventThatCannotBePublishedIsParked(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	huge := &movie.Movie{ID: 2, Title: "x", Overview: fmt.Sprintf("%x", randomBytes(MaxMessageBytes))}
	events := []movie.Event{
		{ID: 1, Op: movie.OpUpsert, Version: 5, Movie: &movie.Movie{ID: 1, Title: "fits"}},
		{ID: 2, Op: movie.OpUpsert, Version: 6, Movie: huge},
		{ID: 3, Op: "nonsense", Version: 7},
		{ID: 4, Op: movie.OpDelete, Version: 8},
	}
	parked, err := c.PublishEvents(t.Context(), time.Now(), events)
	if err != nil || len(parked) != 2 {
		t.Fatalf("parked %d events, %v; want 2", len(parked), err)
	}
	published := readAll(t, c, TopicChanges)
	if len(published) != 2 || len(published["1"]) != 1 || len(published["4"]) != 1 {
		t.Errorf("published: %d keys, want movies 1 and 4", len(published))
	}
	letters, err := c.DeadLetters(t.Context())
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d letters, %v; want 2", len(letters), err)
	}
	for _, l := range letters {
		if l.MovieID == 2 && (!l.Truncated || len(l.Value) != truncatedBytes || l.Version != 6) {
			t.Errorf("movie 2: truncated %v, %d bytes, version %v", l.Truncated, len(l.Value), l.Version)
		}
	}
}

// A relay whose machine has stood still does not publish what it had read before:
// the cluster refuses it, and it is no dead letter either.
func TestEventsReadTooLongAgoAreRefused(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	event := movie.Event{ID: 1, Op: movie.OpDelete, Version: 5}
	_, err := c.PublishEvents(t.Context(), time.Now().Add(-LateBy-time.Minute), []movie.Event{event})
	if !errors.Is(err, ErrLate) {
		t.Errorf("the error is %v, want %v", err, ErrLate)
	}
	for _, topic := range []string{TopicChanges, TopicDLQ} {
		if got := readAll(t, c, topic); len(got) > 0 {
			t.Errorf("%s has %v", topic, got)
		}
	}
	if _, err := c.PublishEvents(t.Context(), time.Now().Add(-LateBy/2), []movie.Event{event}); err != nil {
		t.Errorf("events that are not as old: %v", err)
	}
}

func TestPublishSurvivesTheBrokerBeingAway(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	back := time.Now().Add(time.Second)
	var refused atomic.Int32
	dial := c.transport.Dial
	away, err := NewClient(config.Kafka{Brokers: c.brokers, TopicPrefix: c.prefix}, "test")
	if err != nil {
		t.Fatal(err)
	}
	away.transport.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if time.Now().Before(back) {
			refused.Add(1)
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return dial(ctx, network, address)
	}
	if err := away.Publish(t.Context(), TopicChanges, []Message{{Key: []byte("k"), Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	if refused.Load() == 0 {
		t.Error("the broker was never away")
	}
	if got := readAll(t, c, TopicChanges)["k"]; len(got) == 0 {
		t.Error("the message did not arrive")
	}
}

func TestPublishGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	c, err := NewClient(config.Kafka{Brokers: []string{listener.Addr().String()}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := c.Publish(ctx, TopicChanges, []Message{{Key: []byte("k")}}); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("ended after %v with %v", time.Since(began), err)
	}
}

// BenchmarkCompression compares the codecs on a record batch of real films.
func BenchmarkCompression(b *testing.B) {
	catalogue, err := sample.Open()
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]byte, 500<<10)
	if _, err := io.ReadFull(catalogue, batch); err != nil {
		b.Fatal(err)
	}
	for _, codec := range []kafka.Compression{kafka.Lz4, kafka.Snappy, kafka.Zstd, kafka.Gzip} {
		b.Run(codec.String(), func(b *testing.B) {
			b.SetBytes(int64(len(batch)))
			var compressed bytes.Buffer
			for b.Loop() {
				compressed.Reset()
				w := codec.Codec().NewWriter(&compressed)
				if _, err := w.Write(batch); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(compressed.Len())/float64(len(batch)), "ratio")
		})
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
