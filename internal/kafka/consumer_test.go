package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
)

const testGroup = "indexer.test"

// member is a consumer that takes note of what it reads.
type member struct {
	t      testing.TB
	client *Client
	// commitAll commits behind every batch.
	commitAll bool

	mu         sync.Mutex
	read       []Message
	partitions []int
	err        error
	cancel     context.CancelFunc
	done       chan struct{}
}

// join takes part in testGroup until leave or the test's end.
func join(t testing.TB, c *Client, commitAll bool) *member {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m := &member{t: t, client: c, commitAll: commitAll, cancel: cancel, done: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	go func() {
		defer close(m.done)
		err := c.Consume(ctx, testGroup, TopicChanges, log, m.handle)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.err = err
	}()
	t.Cleanup(func() { _ = m.leave() })
	return m
}

func (m *member) leave() error {
	m.cancel()
	<-m.done
	return m.err
}

func (m *member) handle(ctx context.Context, s *Session) error {
	m.mu.Lock()
	m.partitions = slices.Sorted(maps.Keys(s.Start()))
	m.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-s.Batches():
			m.mu.Lock()
			m.read = append(m.read, b.Messages...)
			m.mu.Unlock()
			if !m.commitAll {
				continue
			}
			if err := s.Commit(Offsets{b.Partition: b.Messages[len(b.Messages)-1].Offset + 1}); err != nil && ctx.Err() == nil {
				m.t.Error(err)
			}
		}
	}
}

func (m *member) share() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.partitions
}

// keys are those of the messages read, in order.
func (m *member) keys() (keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.read {
		keys = append(keys, string(m.read[i].Key))
	}
	return keys
}

func eventually(t testing.TB, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s: %v", what, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (m *member) awaitMessages(n int) {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("%d messages are read", n), func() error {
		if got := len(m.keys()); got < n {
			return fmt.Errorf("%d messages", got)
		}
		return nil
	})
}

func setOffsets(t testing.TB, c *Client, offsets Offsets) {
	t.Helper()
	if err := c.SetGroupOffsets(t.Context(), testGroup, TopicChanges, offsets); err != nil {
		t.Fatal(err)
	}
}

func numbered(from, to int) (messages []Message) {
	for i := from; i < to; i++ {
		messages = append(messages, Message{Key: EventKey(int64(i)), Value: []byte("v")})
	}
	return messages
}

func publish(t testing.TB, c *Client, messages []Message) {
	t.Helper()
	if err := c.Publish(t.Context(), TopicChanges, messages); err != nil {
		t.Fatal(err)
	}
}

func TestConsumeGoesOnWhereTheGroupStands(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	publish(t, c, numbered(0, 100))
	end, err := c.EndOffsets(t.Context(), TopicChanges)
	if err != nil {
		t.Fatal(err)
	}
	setOffsets(t, c, Offsets{0: end[0], 1: 0, 2: end[2]})
	m := join(t, c, true)
	m.awaitMessages(int(end[1]))
	publish(t, c, []Message{{Key: []byte("k"), Value: []byte("last"), Headers: []Header{{"h", []byte("x")}}}})
	m.awaitMessages(int(end[1]) + 1)
	if err := m.leave(); err != nil {
		t.Error(err)
	}
	offset := make(map[int]int64)
	for _, x := range m.read[:end[1]] {
		if x.Partition != 1 || x.Offset != offset[1] || x.Topic != TopicChanges {
			t.Fatalf("read %s, partition %d, offset %d; want partition 1 in order, offset %d", x.Topic, x.Partition, x.Offset, offset[1])
		}
		offset[1]++
	}
	if last := m.read[len(m.read)-1]; string(last.Value) != "last" || last.Header("h") != "x" || last.Time.IsZero() {
		t.Errorf("the last message came as %+v", last)
	}
	lag, err := c.Lag(t.Context(), testGroup, TopicChanges)
	if diff := cmp.Diff(map[int]int64{0: 0, 1: 0, 2: 0}, lag); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// What was not committed is delivered again.
func TestConsumeDeliversTheUncommittedAgain(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	publish(t, c, numbered(0, 30))
	first := join(t, c, false)
	first.awaitMessages(30)
	if err := first.leave(); err != nil {
		t.Error(err)
	}
	second := join(t, c, false)
	second.awaitMessages(30)
}

func TestConsumeRefusesAGroupWithoutOffsets(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*Client){
		"never set":         func(*Client) {},
		"behind the end":    func(c *Client) { setOffsets(t, c, Offsets{0: 1000, 1: 0, 2: 0}) },
		"no longer present": func(c *Client) { setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0}); deleteRecords(t, c) },
	} {
		c := newTestClient(t)
		publish(t, c, numbered(0, 30))
		set(c)
		m := join(t, c, true)
		<-m.done
		if !errors.Is(m.err, ErrNoOffsets) || !strings.Contains(m.err.Error(), testGroup) {
			t.Errorf("%s: got %v, want ErrNoOffsets and the group's name", name, m.err)
		}
		if n := len(m.keys()); n > 0 {
			t.Errorf("%s: %d messages were read", name, n)
		}
	}
}

func TestFetcherDoesNotStepOverWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	f := &fetcher{client: c, topic: TopicChanges, partition: 0, offset: 1000, log: slog.New(slog.DiscardHandler)}
	if err := f.run(t.Context()); !errors.Is(err, ErrNoOffsets) {
		t.Errorf("got %v, want ErrNoOffsets", err)
	}
}

// deleteRecords empties partition 0, as retention would: DeleteRecords version 0,
// which the library does not know.
func deleteRecords(t testing.TB, c *Client) {
	t.Helper()
	end, err := c.EndOffsets(t.Context(), TopicChanges)
	if err != nil {
		t.Fatal(err)
	}
	alterTopic(t, c, map[string]string{"cleanup.policy": "compact,delete"})
	topic := c.prefixed(TopicChanges)
	request := []byte{0, 21, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1} // key, version, correlation, no client, one topic
	request = binary.BigEndian.AppendUint16(request, uint16(len(topic)))
	request = append(request, topic...)
	request = append(request, 0, 0, 0, 1, 0, 0, 0, 0) // one partition: 0
	request = binary.BigEndian.AppendUint64(request, uint64(end[0]))
	request = binary.BigEndian.AppendUint32(request, 10_000) // ms
	eventually(t, "the topic allows it", func() error { return deleteRequest(c.brokers[0], request, 4+4+4+4+2+len(topic)+4+4+8+2) })
}

func deleteRequest(broker string, request []byte, answerSize int) error {
	conn, err := net.Dial("tcp", broker)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return err
	}
	answer := make([]byte, answerSize)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if code := binary.BigEndian.Uint16(answer[answerSize-2:]); code != 0 {
		return fmt.Errorf("delete records: error %d", code)
	}
	return nil
}

func TestMembersShareThePartitions(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	shares := func(members ...*member) func() error {
		return func() error {
			seen := make(map[int]bool)
			for _, m := range members {
				if len(m.share()) == 0 {
					return errors.New("a member without a partition")
				}
				for _, p := range m.share() {
					if seen[p] {
						return fmt.Errorf("partition %d has two members", p)
					}
					seen[p] = true
				}
			}
			if len(seen) != 3 {
				return fmt.Errorf("only partitions %v are taken", seen)
			}
			return nil
		}
	}
	first := join(t, c, true)
	eventually(t, "one member has all", shares(first))
	second := join(t, c, true)
	eventually(t, "two members share", shares(first, second))
	publish(t, c, numbered(0, 60))
	eventually(t, "all is read once", func() error {
		if n := len(first.keys()) + len(second.keys()); n != 60 {
			return fmt.Errorf("%d messages", n)
		}
		return nil
	})
	if err := first.leave(); err != nil {
		t.Error(err)
	}
	eventually(t, "the one that is left has all", shares(second))
	before := len(second.keys())
	publish(t, c, numbered(60, 90))
	second.awaitMessages(before + 30)
}

// A topic with more partitions than before is read completely.
func TestConsumeFindsNewPartitions(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	m := join(t, c, true)
	eventually(t, "the member has its partitions", func() error { return wantPartitions(m, 3) })
	grow(t, c, 5)
	publish(t, c, numbered(0, 100)) // before the member knows
	eventually(t, "the member has all five", func() error { return wantPartitions(m, 5) })
	m.awaitMessages(100)
	partitions := make(map[int]bool)
	for _, x := range m.read {
		partitions[x.Partition] = true
	}
	if len(partitions) != 5 {
		t.Errorf("read from partitions %v, want five", partitions)
	}
}

// What comes in a new partition may follow what is unread in the older ones, for
// keys have moved. It is not read before the group has finished those.
func TestNewPartitionsWaitForTheOlderOnes(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	publish(t, c, numbered(0, 50))
	grow(t, c, 5)
	publish(t, c, numbered(0, 50))
	ends, err := c.EndOffsets(t.Context(), TopicChanges)
	if err != nil || ends[3]+ends[4] == 0 {
		t.Fatalf("ends %v, %v: the new partitions are empty, and this test proves nothing", ends, err)
	}
	slow := join(t, c, false) // finishes nothing
	slow.awaitMessages(int(ends[0] + ends[1] + ends[2]))
	<-time.After(3 * grownCheck) // what must not happen has no condition to wait for
	if got, want := len(slow.keys()), int(ends[0]+ends[1]+ends[2]); got != want {
		t.Errorf("%d messages are read while the older partitions are not finished, want their %d", got, want)
	}
	if err := slow.leave(); err != nil {
		t.Fatal(err)
	}
	m := join(t, c, true)
	m.awaitMessages(100)
	newer := 0
	for i, x := range m.read {
		if x.Partition > 2 {
			newer++
		} else if newer > 0 {
			t.Fatalf("message %d is of partition %d and comes behind one of a new partition", i, x.Partition)
		}
	}
}

// grow gives the topic of changes more partitions.
func grow(t testing.TB, c *Client, to int) {
	t.Helper()
	_, err := c.client.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: c.prefixed(TopicChanges), Count: int32(to)}}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster has the partitions", func() error {
		if n, err := c.Partitions(t.Context(), TopicChanges); err != nil || n != to {
			return errors.Join(fmt.Errorf("%d partitions", n), err)
		}
		return nil
	})
}

func wantPartitions(m *member, n int) error {
	if got := m.share(); len(got) != n {
		return fmt.Errorf("partitions %v", got)
	}
	return nil
}

// Messages larger than a fetch, and a fetch of many batches, come through.
func TestConsumeLargeMessages(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	random := noise(1, 5<<20)
	var messages []Message
	for i, size := range []int{10, 5 << 20, 10, 3 << 20, 700 << 10, 700 << 10, 700 << 10, 0} {
		messages = append(messages, Message{Key: []byte("same"), Value: random[:size], Headers: []Header{{"n", []byte{byte(i)}}}})
	}
	publish(t, c, messages)
	m := join(t, c, true)
	m.awaitMessages(len(messages))
	for i, got := range m.read {
		if !bytes.Equal(got.Value, messages[i].Value) || got.Header("n") != string([]byte{byte(i)}) {
			t.Errorf("message %d came with %d bytes, want %d", i, len(got.Value), len(messages[i].Value))
		}
	}
}

// A compacted topic is read from zero without its gaps being taken for loss, and
// without standing still behind a batch whose end has been compacted away.
func TestConsumeCompactedTopic(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	alterTopic(t, c, map[string]string{"min.cleanable.dirty.ratio": "0.01", "segment.bytes": "1048576", "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "1"})
	const keys, rounds = 30, 12
	for round := range rounds {
		// Batches of which the first message stays and the others do not.
		messages := numbered(1000+round*10, 1000+round*10+10)
		messages = append(messages, numbered(0, keys)...)
		for i := range messages[10:] {
			messages[10+i].Value = noise(uint32(round*keys+i), 20<<10)
		}
		publish(t, c, messages)
	}
	eventually(t, "the cleaner has been here", func() error {
		left := 0
		for _, all := range readAll(t, c, TopicChanges) {
			left += len(all)
		}
		if left > (keys*2/3+10)*rounds {
			return fmt.Errorf("%d of %d messages are left", left, (keys+10)*rounds)
		}
		return nil
	})
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	m := join(t, c, true)
	eventually(t, "nothing is left to read", func() error {
		lag, err := c.Lag(t.Context(), testGroup, TopicChanges)
		if err == nil && lag[0]+lag[1]+lag[2] > 0 {
			err = fmt.Errorf("lag %v", lag)
		}
		return err
	})
	newest := make(map[string][]byte)
	for _, x := range m.read {
		newest[string(x.Key)] = x.Value
	}
	for i := range keys {
		want := noise(uint32((rounds-1)*keys+i), 20<<10)
		if !bytes.Equal(newest[string(EventKey(int64(i)))], want) {
			t.Errorf("key %d: the last value read is not the newest", i)
		}
	}
	if len(newest) != keys+rounds*10 {
		t.Errorf("%d keys read, want %d", len(newest), keys+rounds*10)
	}
}

func alterTopic(t testing.TB, c *Client, configs map[string]string) {
	t.Helper()
	r := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: c.prefixed(TopicChanges)}
	for name, value := range configs {
		r.Configs = append(r.Configs, kafka.IncrementalAlterConfigsRequestConfig{Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet})
	}
	res, err := c.client.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{r}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
	}
}

// noise is bytes that do not compress.
func noise(seed uint32, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = byte(seed >> 24)
	}
	return b
}
