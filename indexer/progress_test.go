package indexer

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/kafka"
)

func batchOf(partition int, from, to int64) kafka.Batch {
	b := kafka.Batch{Partition: partition, End: to}
	for o := from; o < to; o++ {
		b.Messages = append(b.Messages, kafka.Message{Partition: partition, Offset: o, Key: []byte("k"), Value: []byte("vv")})
		b.Bytes += 3
	}
	return b
}

// Whatever the order in which works end, an offset is committable only when all
// messages before it are finished, and in the end all are.
func TestProgressCommitsBehindFinishedOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := make(kafka.Offsets)
		finished := make(map[int]map[int64]bool)
		for partition := range 3 {
			first[partition] = rapid.Int64Range(0, 100).Draw(t, "first")
			finished[partition] = make(map[int64]bool)
		}
		p, next := newProgress(first), maps.Clone(first)
		type open struct {
			span     *span
			messages []kafka.Message
		}
		var under []open
		check := func() {
			for partition, offset := range p.committable() {
				for o := first[partition]; o < offset; o++ {
					if !finished[partition][o] {
						t.Fatalf("partition %d: %d is committable and %d is not finished", partition, offset, o)
					}
				}
			}
		}
		finish := func(i int) {
			p.finish([]*span{under[i].span})
			for _, m := range under[i].messages {
				finished[m.Partition][m.Offset] = true
			}
			under = append(under[:i], under[i+1:]...)
			check()
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				partition := rapid.IntRange(0, 2).Draw(t, "partition")
				n := rapid.Int64Range(1, 5).Draw(t, "messages")
				b := batchOf(partition, next[partition], next[partition]+n)
				next[partition] += n
				under = append(under, open{p.begin(b), b.Messages})
			case 1:
				if len(under) > 0 {
					finish(rapid.IntRange(0, len(under)-1).Draw(t, "work"))
				}
			case 2:
				p.committed(p.committable())
				if left := p.committable(); len(left) > 0 {
					t.Fatalf("%v is to be committed again", left)
				}
			}
		}
		for len(under) > 0 {
			finish(0)
		}
		p.committed(p.committable())
		for partition, end := range next {
			if stored := p.partitions[partition].stored; stored != end {
				t.Fatalf("partition %d: %d is committed in the end, want %d", partition, stored, end)
			}
		}
		if l := p.lag(time.Now()); l != (lag{}) {
			t.Fatalf("lag %+v in the end", l)
		}
	})
}

func TestProgressLag(t *testing.T) {
	now := time.Now()
	p := newProgress(kafka.Offsets{0: 10, 2: 40})
	p.ends(kafka.Offsets{0: 10, 1: 7, 2: 43}) // partition 1 is another member's
	if l := p.lag(now); l.messages != 3 || l.bytes != 0 || l.age > time.Minute {
		t.Errorf("lag %+v of a partition from which nothing has come, want 3", l)
	}
	rest := p.begin(batchOf(2, 40, 43))
	p.finish([]*span{rest})
	old := batchOf(0, 10, 15)
	for i := range old.Messages {
		old.Messages[i].Time = now.Add(-time.Hour + time.Duration(i)*time.Second)
	}
	s := p.begin(old)
	p.ends(kafka.Offsets{0: 20, 1: 7})
	// A session that has just begun, as of a process that is restarted again and
	// again, tells the age of what it has before it.
	if l := p.lag(now); l != (lag{10, 30, time.Hour}) {
		t.Errorf("lag %+v, want 10 messages of 30 bytes, the oldest an hour old", l)
	}
	p.finish([]*span{s})
	p.apply(now.Add(time.Second))
	if l := p.lag(now.Add(5 * time.Second)); l != (lag{5, 15, 4 * time.Second}) {
		t.Errorf("lag %+v, want 5 messages, and the 4 s since the newest finished change", l)
	}
}

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := batchOf(1, 0, rapid.Int64Range(1, 20).Draw(t, "messages"))
		size := rapid.IntRange(1, 70).Draw(t, "size")
		part, rest := split(whole, size)
		if diff := cmp.Diff(whole.Messages, append(append([]kafka.Message(nil), part.Messages...), rest.Messages...)); diff != "" {
			t.Fatal(diff)
		}
		if part.Bytes != 3*len(part.Messages) || rest.Bytes != 3*len(rest.Messages) {
			t.Fatalf("%d messages of %d bytes and %d of %d", len(part.Messages), part.Bytes, len(rest.Messages), rest.Bytes)
		}
		if len(part.Messages) == 0 || part.Bytes-3 >= size || len(rest.Messages) > 0 && part.Bytes < size {
			t.Fatalf("the part has %d bytes, %d were asked for", part.Bytes, size)
		}
	})
}
