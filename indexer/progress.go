package indexer

import (
	"maps"
	"sync"
	"time"

	"movies/internal/kafka"
)

// progress knows, for each partition of a session, which messages are under way
// and up to where all are finished. It is safe for concurrent use.
type progress struct {
	mu         sync.Mutex
	partitions map[int]*track
	// applied is the commit time of the newest change that has been finished, or
	// the time the session began.
	applied time.Time
	// messages and bytes are what has been begun.
	messages, bytes int64
	// changed gets a token when there is something new to commit.
	changed chan struct{}
}

// track is one partition's part of it.
type track struct {
	open     []*span // in the order of their offsets
	position int64   // behind the last message before which all are finished
	stored   int64   // the position that has been committed
	end      int64   // behind the partition's last message, as last heard
}

// span is a run of one partition's messages that are finished together.
type span struct {
	partition int
	next      int64     // the offset behind its last message
	at        time.Time // when its first message was made
	done      bool
}

// newProgress begins with all partitions of a session, where each goes on.
func newProgress(start kafka.Offsets) *progress {
	p := &progress{partitions: make(map[int]*track, len(start)), applied: time.Now(), changed: make(chan struct{}, 1)}
	for partition, offset := range start {
		p.partitions[partition] = &track{position: offset, stored: offset, end: offset}
	}
	return p
}

// begin takes note of messages that are now under way. Those of one partition
// are begun in order.
func (p *progress) begin(b kafka.Batch) *span {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.partitions[b.Partition]
	s := &span{partition: b.Partition, next: b.Messages[len(b.Messages)-1].Offset + 1, at: b.Messages[0].Time}
	p.messages += int64(len(b.Messages))
	p.bytes += int64(b.Bytes)
	t.open = append(t.open, s)
	t.end = max(t.end, b.End, s.next)
	return s
}

// finish takes note that all messages of the spans have been dealt with.
func (p *progress) finish(spans []*span) {
	p.mu.Lock()
	defer p.mu.Unlock()
	advanced := false
	for _, s := range spans {
		s.done = true
		t := p.partitions[s.partition]
		for len(t.open) > 0 && t.open[0].done {
			t.position = t.open[0].next
			t.open = t.open[1:]
			advanced = true
		}
	}
	if advanced {
		p.again()
	}
}

// again says that there is something to commit.
func (p *progress) again() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// committable gives the positions that have not been committed.
func (p *progress) committable() kafka.Offsets {
	p.mu.Lock()
	defer p.mu.Unlock()
	offsets := make(kafka.Offsets)
	for partition, t := range p.partitions {
		if t.position > t.stored {
			offsets[partition] = t.position
		}
	}
	return offsets
}

// committed takes note of what has been committed.
func (p *progress) committed(offsets kafka.Offsets) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition, offset := range offsets {
		p.partitions[partition].stored = offset
	}
}

// ends takes note of the partitions' present ends; those of other members'
// partitions are not looked at.
func (p *progress) ends(ends kafka.Offsets) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for partition, t := range p.partitions {
		t.end = max(t.end, ends[partition])
	}
}

// apply takes note of the commit time of a change that has been finished.
func (p *progress) apply(committedAt time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if committedAt.After(p.applied) {
		p.applied = committedAt
	}
}

// lag is how far behind a session is.
type lag struct {
	messages int64         // not finished
	bytes    int64         // of these, as far as what was read is like what was not
	age      time.Duration // of the oldest of them
}

// lag is how far behind the session is now. While none of the unfinished messages
// has been read, the newest finished one stands in for the oldest of them.
func (p *progress) lag(now time.Time) (l lag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest time.Time
	for t := range maps.Values(p.partitions) {
		l.messages += t.end - t.position
		if len(t.open) > 0 && (oldest.IsZero() || t.open[0].at.Before(oldest)) {
			oldest = t.open[0].at
		}
	}
	if l.messages == 0 {
		return lag{}
	}
	if oldest.IsZero() {
		oldest = p.applied
	}
	l.age = max(0, now.Sub(oldest))
	if p.messages > 0 {
		l.bytes = l.messages * p.bytes / p.messages
	}
	return l
}
