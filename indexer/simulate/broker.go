package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"movies/indexer"
	"movies/indexer/rebuild"
	"movies/indexer/relay"
	"movies/internal/kafka"
	"movies/internal/movie"
)

// partitions of the topic of changes.
const partitions = 3

// broker is a Kafka cluster. What it has acknowledged is never lost.
type broker struct {
	*world
	down    bool
	changes [partitions][]kafka.Message
	letters map[string]kafka.DeadLetter
	states  map[int]kafka.RelayState
	groups  map[string]*group
	grown   chan struct{} // closed when something has been appended
}

func newBroker(w *world) *broker {
	return &broker{world: w, letters: make(map[string]kafka.DeadLetter), states: make(map[int]kafka.RelayState), groups: make(map[string]*group), grown: make(chan struct{})}
}

// client is the broker as one process reaches it.
type client struct{ *process }

var (
	_ indexer.Log      = client{}
	_ rebuild.Log      = client{}
	_ relay.Publisher  = client{}
	_ relay.StateStore = client{}
)

// append adds messages at the ends of their partitions; the caller holds mu.
func (b *broker) append(messages []kafka.Message) {
	for _, m := range messages {
		m.Offset, m.Time = int64(len(b.changes[m.Partition])), time.Now()
		b.changes[m.Partition] = append(b.changes[m.Partition], m)
		b.note("%d/%d: movie %s", m.Partition, m.Offset, m.Key)
	}
	close(b.grown)
	b.grown = make(chan struct{})
}

// PublishEvents implements relay.Publisher.
func (c client) PublishEvents(ctx context.Context, _ time.Time, events []movie.Event) ([]kafka.DeadLetter, error) {
	var messages []kafka.Message
	for i := range events {
		value, err := kafka.EncodeEvent(events[i])
		if err != nil {
			return nil, err
		}
		messages = append(messages, kafka.Message{Key: kafka.EventKey(events[i].ID), Value: value, Partition: int(events[i].ID) % partitions})
	}
	return nil, c.publish(ctx, messages)
}

// Publish implements rebuild.Log.
func (c client) Publish(ctx context.Context, _ string, messages []kafka.Message) error {
	return c.publish(ctx, messages)
}

// publish writes partition by partition, trying again for half a minute.
func (c client) publish(ctx context.Context, messages []kafka.Message) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for p := range partitions {
		var batch []kafka.Message
		for _, m := range messages {
			if m.Partition == p {
				m.Topic = kafka.TopicChanges
				batch = append(batch, m)
			}
		}
		for done := len(batch) == 0; !done; {
			if err := c.step(ctx, "publish", 200*time.Microsecond, 10*time.Millisecond); err != nil {
				return err
			}
			var err error
			if done, err = c.broker.produce(batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// produce is one attempt; done is false when it is to be repeated.
func (b *broker) produce(batch []kafka.Message) (done bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.down:
		return false, nil
	case b.chance(0.01):
		b.fault("publish failed by halves")
		b.append(batch[:b.random.IntN(len(batch)+1)])
		return false, errors.New("the broker has gone")
	case b.chance(0.02):
		b.fault("publish repeated")
		b.append(batch)
		return false, nil
	case b.chance(0.02):
		b.fault("publish repeated late")
		later := time.Duration(b.random.Int64N(int64(8 * time.Second)))
		b.inFlight++
		b.late.Go(func() {
			_ = b.wait(context.Background(), "late", later, later)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.inFlight--
			b.append(batch)
		})
		return false, nil
	}
	b.append(batch)
	return true, nil
}

// SaveRelayState implements relay.StateStore.
func (c client) SaveRelayState(ctx context.Context, s kafka.RelayState) error {
	if err := c.step(ctx, "save", 200*time.Microsecond, 10*time.Millisecond); err != nil {
		return err
	}
	b, done, err := c.ask()
	if err != nil {
		return err
	}
	defer done()
	b.states[s.Epoch] = s
	b.note("epoch %d saved at %d", s.Epoch, s.LSN)
	return nil
}

// LoadRelayState implements relay.StateStore and rebuild.Log.
func (c client) LoadRelayState(context.Context) (s kafka.RelayState, err error) {
	b, done, err := c.ask()
	if err != nil {
		return s, err
	}
	defer done()
	for _, saved := range b.states {
		if saved.Epoch > s.Epoch {
			s = saved
		}
	}
	return s, nil
}

// SaveRepaired implements rebuild.Log.
func (c client) SaveRepaired(context.Context, time.Time) error { return nil }

// ask takes the lock, unless nobody answers.
func (c client) ask() (*broker, func(), error) {
	c.mu.Lock()
	if c.dead || c.broker.down {
		c.mu.Unlock()
		return nil, nil, fmt.Errorf("kafka: %w", errDown)
	}
	return c.broker, c.mu.Unlock, nil
}

// EndOffsets implements indexer.Log and rebuild.Log.
func (c client) EndOffsets(ctx context.Context, _ string) (kafka.Offsets, error) {
	if err := c.step(ctx, "ends", 200*time.Microsecond, 5*time.Millisecond); err != nil {
		return nil, err
	}
	b, done, err := c.ask()
	if err != nil {
		return nil, err
	}
	defer done()
	ends := make(kafka.Offsets)
	for p := range b.changes {
		ends[p] = int64(len(b.changes[p]))
	}
	return ends, nil
}

// OffsetsSince implements rebuild.Log: everything published is recent.
func (c client) OffsetsSince(context.Context, string, time.Time) (kafka.Offsets, error) {
	return kafka.Offsets{}, nil
}

// ReadFrom implements rebuild.Log.
func (c client) ReadFrom(ctx context.Context, _ string, from kafka.Offsets, each func(kafka.Message) error) error {
	ends, err := c.EndOffsets(ctx, kafka.TopicChanges)
	if err != nil {
		return err
	}
	for p := range partitions {
		if err := c.step(ctx, "read from", 200*time.Microsecond, 10*time.Millisecond); err != nil {
			return err
		}
		b, done, err := c.ask()
		if err != nil {
			return err
		}
		messages := b.changes[p][from[p]:ends[p]]
		done()
		for _, m := range messages {
			if err := each(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// Park implements indexer.Log and rebuild.Log.
func (c client) Park(_ context.Context, letters []kafka.DeadLetter) error {
	b, done, err := c.ask()
	if err != nil || len(letters) == 0 {
		return err
	}
	defer done()
	for i := range letters {
		b.letters[letters[i].ID()] = letters[i]
	}
	return nil
}

// DeadLetters implements rebuild.Log.
func (c client) DeadLetters(context.Context) (letters []kafka.DeadLetter, err error) {
	b, done, err := c.ask()
	if err != nil {
		return nil, err
	}
	defer done()
	for _, l := range b.letters {
		letters = append(letters, l)
	}
	return letters, nil
}

// Discard implements rebuild.Log.
func (c client) Discard(_ context.Context, ids []string) error {
	b, done, err := c.ask()
	if err != nil {
		return err
	}
	defer done()
	for _, id := range ids {
		delete(b.letters, id)
	}
	return nil
}
