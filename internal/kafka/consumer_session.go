package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/segmentio/kafka-go"
)

// Session is this member's share of a topic between two rebalances. It is safe
// for concurrent use.
type Session struct {
	start   Offsets
	batches <-chan Batch
	commit  func(Offsets) error
}

// NewSession makes a share of other origin than Consume's, such as a simulated
// log's.
func NewSession(start Offsets, batches <-chan Batch, commit func(Offsets) error) *Session {
	return &Session{start, batches, commit}
}

// Batch is a run of messages of one partition, in order, without gaps other than
// those of compaction.
type Batch struct {
	Partition int
	Messages  []Message
	// Bytes is the size of keys and values.
	Bytes int
	// End is the partition's end when the batch was fetched: the offset that the
	// next message gets.
	End int64
}

// Start is where each of this member's partitions goes on; there may be none.
func (s *Session) Start() Offsets { return s.start }

// Batches gives what is fetched, batches of one partition in order. It is never
// closed: the session's context tells when nothing more comes. What has been
// fetched ahead is bounded, for each partition by one answer of the cluster
// (1 MiB compressed, or one record batch if that is larger) and one batch.
func (s *Session) Batches() <-chan Batch { return s.batches }

// Commit stores, for the group, the offsets from which to go on. A commit of a
// session that has been overtaken by a rebalance fails and changes nothing.
func (s *Session) Commit(offsets Offsets) error {
	if len(offsets) == 0 {
		return nil
	}
	return s.commit(offsets)
}

// committer commits as a member of a generation of the group.
func (c *Client) committer(g *kafka.Generation, topic string) func(Offsets) error {
	return func(offsets Offsets) error {
		if err := g.CommitOffsets(map[string]map[int]int64{c.prefixed(topic): offsets}); err != nil {
			return fmt.Errorf("commit offsets of %s: %w", c.prefixed(topic), err)
		}
		return nil
	}
}

// fetchAll fetches all partitions, each when before has returned for it, until
// stop is called, which waits for it. A fetcher that cannot go on ends the session.
func (c *Client) fetchAll(ctx context.Context, topic string, start Offsets, out chan<- Batch, log *slog.Logger, end context.CancelCauseFunc,
	before func(context.Context, int) error,
) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for p, offset := range start {
		f := &fetcher{client: c, topic: topic, partition: p, offset: offset, out: out, log: log}
		wg.Go(func() {
			if before(ctx, p) != nil {
				return // the session has ended
			}
			if err := f.run(ctx); err != nil {
				end(err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}
