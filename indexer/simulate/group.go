package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"movies/internal/kafka"
)

// group is a consumer group.
type group struct {
	offsets    kafka.Offsets
	members    []*member
	generation int
	changed    chan struct{} // closed when the next generation begins
}

// member is one call of Consume.
type member struct{ p *process }

func (b *broker) group(name string) *group {
	if b.groups[name] == nil {
		b.groups[name] = &group{offsets: make(kafka.Offsets), changed: make(chan struct{})}
	}
	return b.groups[name]
}

// rebalance begins a new generation. Nobody waits for the members of the last.
func (g *group) rebalance() {
	g.generation++
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *group) leave(m *member) {
	g.members = slices.DeleteFunc(g.members, func(x *member) bool { return x == m })
	g.rebalance()
}

// turn is a member's share in a generation.
type turn struct {
	generation int
	start      kafka.Offsets
	changed    chan struct{}
}

func (g *group) turn(m *member) turn {
	t := turn{g.generation, make(kafka.Offsets), g.changed}
	place := slices.Index(g.members, m)
	for p := range partitions {
		if p%len(g.members) == place {
			t.start[p] = g.offsets[p]
		}
	}
	return t
}

// Consume implements indexer.Log.
func (c client) Consume(ctx context.Context, name, _ string, _ *slog.Logger, handle func(context.Context, *kafka.Session) error) error {
	m := &member{c.process}
	if c.join(ctx, name, m) != nil {
		return nil
	}
	defer c.leaveSoon(name, m)
	for {
		if err := c.step(ctx, "turn "+name, time.Millisecond, 100*time.Millisecond); err != nil {
			return nil
		}
		b, done, err := c.ask()
		if err != nil {
			continue
		}
		g := b.group(name)
		if len(g.offsets) == 0 {
			done()
			return fmt.Errorf("%w: %s", kafka.ErrNoOffsets, name)
		}
		t := g.turn(m)
		c.note("%s takes %v of %s", c.name, t.start, name)
		done()
		if err := c.serve(ctx, name, t, handle); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (c client) join(ctx context.Context, name string, m *member) error {
	for {
		if err := c.step(ctx, "join "+name, time.Millisecond, 100*time.Millisecond); err != nil {
			return err
		}
		if b, done, err := c.ask(); err == nil {
			g := b.group(name)
			g.members = append(g.members, m)
			g.rebalance()
			done()
			return nil
		}
	}
}

// leaveSoon takes a member out of its group: at once when it leaves, after the
// session's timeout when it was killed.
func (c client) leaveSoon(name string, m *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		c.broker.group(name).leave(m)
		return
	}
	c.late.Go(func() {
		_ = c.wait(context.Background(), c.name+" timeout "+name, 9*time.Second, 11*time.Second)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.broker.group(name).leave(m)
	})
}

// serve runs one session.
func (c client) serve(ctx context.Context, name string, t turn, handle func(context.Context, *kafka.Session) error) error {
	shared, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-t.changed: // noticed at the next heartbeat
			_ = c.wait(shared, c.name+" heartbeat "+name, time.Millisecond, time.Second)
			end()
		case <-shared.Done():
		}
	}()
	batches := make(chan kafka.Batch)
	for _, p := range slices.Sorted(maps.Keys(t.start)) {
		go c.fetch(shared, name, p, t.start[p], batches)
	}
	err := handle(shared, kafka.NewSession(t.start, batches, func(o kafka.Offsets) error { return c.commit(name, t.generation, o) }))
	if shared.Err() != nil {
		return nil
	}
	return err
}

func (c client) commit(name string, generation int, offsets kafka.Offsets) error {
	b, done, err := c.ask()
	if err != nil {
		return err
	}
	defer done()
	g := b.group(name)
	if g.generation != generation || b.chance(0.02) {
		return errors.New("not committed")
	}
	for p, offset := range offsets {
		g.offsets[p] = offset
	}
	b.note("%s commits %v", c.name, offsets)
	return nil
}

// fetch gives a partition's messages in pieces.
func (c client) fetch(ctx context.Context, group string, partition int, next int64, out chan<- kafka.Batch) {
	for {
		if c.step(ctx, fmt.Sprint("fetch ", group, partition), 500*time.Microsecond, 60*time.Millisecond) != nil {
			return
		}
		b, done, err := c.ask()
		if err != nil {
			continue
		}
		there := b.changes[partition][next:]
		if n := len(there); n > 0 {
			there = there[:1+b.random.IntN(n)]
		}
		batch := kafka.Batch{Partition: partition, Messages: slices.Clone(there), End: int64(len(b.changes[partition]))}
		grown := b.grown
		done()
		if len(there) == 0 {
			select {
			case <-grown:
			case <-ctx.Done():
			}
			continue
		}
		for _, m := range there {
			batch.Bytes += len(m.Key) + len(m.Value)
		}
		select {
		case out <- batch:
			next += int64(len(there))
		case <-ctx.Done():
			return
		}
	}
}

// GroupOffsets implements rebuild.Log.
func (c client) GroupOffsets(ctx context.Context, name, _ string) (kafka.Offsets, error) {
	if err := c.step(ctx, "offsets "+name, 200*time.Microsecond, 5*time.Millisecond); err != nil {
		return nil, err
	}
	b, done, err := c.ask()
	if err != nil {
		return nil, err
	}
	defer done()
	return maps.Clone(b.group(name).offsets), nil
}

// Lag implements indexer.Log.
func (c client) Lag(ctx context.Context, name, topic string) (map[int]int64, error) {
	ends, err := c.EndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	done, err := c.GroupOffsets(ctx, name, topic)
	lag := make(map[int]int64)
	for p, end := range ends {
		lag[p] = end - done[p]
	}
	return lag, err
}

// SetGroupOffsets implements rebuild.Log.
func (c client) SetGroupOffsets(ctx context.Context, name, _ string, offsets kafka.Offsets) error {
	if err := c.step(ctx, "offsets "+name, 200*time.Microsecond, 5*time.Millisecond); err != nil {
		return err
	}
	b, done, err := c.ask()
	if err != nil {
		return err
	}
	defer done()
	g := b.group(name)
	if len(g.members) > 0 {
		return errors.New("the group has members")
	}
	maps.Copy(g.offsets, offsets)
	return nil
}

// DeleteGroup implements rebuild.Log.
func (c client) DeleteGroup(_ context.Context, name string) error {
	b, done, err := c.ask()
	if err != nil {
		return err
	}
	defer done()
	if len(b.group(name).members) > 0 {
		return errors.New("the group has members")
	}
	delete(b.groups, name)
	return nil
}
