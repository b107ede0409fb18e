package indexer

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// refusing is an engine that turns upserts away for a time and takes deletes.
type refusing struct {
	Engine
	until time.Time

	mu   sync.Mutex
	sent []string // requests that were taken
}

func (e *refusing) Bulk(_ context.Context, _ string, b *opensearch.Bulk) []opensearch.Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	body := string(b.Bytes())
	results := make([]opensearch.Result, b.Len())
	for i := range results {
		if strings.Contains(body, `"index"`) && time.Now().Before(e.until) {
			continue // the zero value is Retry
		}
		results[i].Outcome = opensearch.Done
		e.sent = append(e.sent, body)
	}
	return results
}

// quiet is a log of which nothing is needed.
type quiet struct{ Log }

func (quiet) EndOffsets(context.Context, string) (kafka.Offsets, error) { return nil, nil }

// hand is a share that is fed by hand.
type hand struct {
	batches chan kafka.Batch

	mu        sync.Mutex
	committed kafka.Offsets
}

func (h *hand) Start() kafka.Offsets        { return kafka.Offsets{0: 0} }
func (h *hand) Batches() <-chan kafka.Batch { return h.batches }
func (h *hand) Commit(o kafka.Offsets) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, offset := range o {
		h.committed[p] = offset
	}
	return nil
}

func (h *hand) give(t *testing.T, offset int64, e movie.Event) {
	t.Helper()
	value, err := kafka.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	m := kafka.Message{Topic: kafka.TopicChanges, Offset: offset, Key: kafka.EventKey(e.ID), Value: value}
	h.batches <- kafka.Batch{Messages: []kafka.Message{m}, Bytes: len(value), End: offset + 1}
}

// A change that has been turned away for longer than the engine remembers
// deletes must not be tried again behind the delete.
func TestOlderChangeIsNotSentBehindItsDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		engine := &refusing{until: time.Now().Add(2 * time.Hour)}
		share := &hand{batches: make(chan kafka.Batch), committed: make(kafka.Offsets)}
		f := newFeed("a", engine, quiet{}, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		ended := make(chan error)
		go func() { ended <- f.serve(ctx, share) }()
		share.give(t, 0, movie.Event{ID: 1, Op: movie.OpUpsert, Version: 3, Movie: &movie.Movie{ID: 1, Title: "old"}})
		time.Sleep(time.Second) //nolint:forbidigo // by the bubble's clock
		share.give(t, 1, movie.Event{ID: 1, Op: movie.OpDelete, Version: 5})
		time.Sleep(3 * time.Hour) //nolint:forbidigo // by the bubble's clock
		stop()
		<-ended
		if len(engine.sent) != 1 || !strings.Contains(engine.sent[0], `"delete"`) {
			t.Errorf("taken were %q, want the delete alone", engine.sent)
		}
		if share.committed[0] != 2 {
			t.Errorf("committed up to %d, want 2: both are finished", share.committed[0])
		}
	})
}

// An older change that Kafka has behind a delete, because a publish was repeated
// late, is not sent: the engine may have been restarted, and know nothing of the
// delete any more. A rebalance between the two changes nothing.
func TestOlderChangeBehindAnAppliedDeleteIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := &refusing{}
		f := newFeed("a", engine, quiet{}, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		for offset, e := range []movie.Event{
			{ID: 1, Op: movie.OpDelete, Version: 5},
			{ID: 1, Op: movie.OpUpsert, Version: 3, Movie: &movie.Movie{ID: 1, Title: "old"}},
			{ID: 1, Op: movie.OpUpsert, Version: 7, Movie: &movie.Movie{ID: 1, Title: "new"}},
		} {
			ctx, stop := context.WithCancel(t.Context())
			share := &hand{batches: make(chan kafka.Batch), committed: make(kafka.Offsets)}
			ended := make(chan error)
			go func() { ended <- f.serve(ctx, share) }()
			share.give(t, int64(offset), e)
			time.Sleep(time.Minute) //nolint:forbidigo // by the bubble's clock
			stop()
			<-ended
			if share.committed[0] != int64(offset)+1 {
				t.Errorf("committed up to %d, want %d", share.committed[0], offset+1)
			}
		}
		if len(engine.sent) != 2 || !strings.Contains(engine.sent[0], `"delete"`) || !strings.Contains(engine.sent[1], "new") {
			t.Errorf("taken were %q, want the delete and the newer change", engine.sent)
		}
	})
}

func TestDeletesAreForgottenInTime(t *testing.T) {
	d, now := newDeletes(), time.Now()
	all := func(int) bool { return true }
	d.applied(changesOf(1, 5), all, now)
	d.applied(changesOf(2, 6), all, now.Add(remembered/2))
	d.applied(changesOf(1, 7), all, now.Add(remembered))
	d.applied(changesOf(3, 8), all, now.Add(remembered+time.Second))
	if len(d.order) != 3 || d.versions[1] != 7 || d.versions[2] != 6 {
		t.Errorf("remembered are %v, want the last three", d.order)
	}
	d.applied(nil, all, now.Add(3*remembered))
	if len(d.order) != 0 || len(d.versions) != 0 {
		t.Errorf("%d and %d deletes are remembered for ever", len(d.order), len(d.versions))
	}
}

// What an index has from its backfill does not come to it again by its feed.
func TestChangesUpToTheFloorAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		engine := &refusing{}
		share := &hand{batches: make(chan kafka.Batch), committed: make(kafka.Offsets)}
		f := newFeed("a", engine, quiet{}, newMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		f.floor = 5
		ended := make(chan error)
		go func() { ended <- f.serve(ctx, share) }()
		share.give(t, 0, movie.Event{ID: 1, Op: movie.OpDelete, Version: 5})
		share.give(t, 1, movie.Event{ID: 2, Op: movie.OpDelete, Version: 6})
		time.Sleep(time.Second) //nolint:forbidigo // by the bubble's clock
		stop()
		<-ended
		if len(engine.sent) != 1 || !strings.Contains(engine.sent[0], `"version":6`) {
			t.Errorf("taken were %q, want version 6 alone", engine.sent)
		}
		if share.committed[0] != 2 {
			t.Errorf("committed up to %d, want 2: both are finished", share.committed[0])
		}
	})
}

// A version stands for as long as any work has a change of the movie under way.
func TestNewestOutlivesItsOwnWork(t *testing.T) {
	n := newNewest(newDeletes())
	older, newer := changesOf(7, 3), changesOf(7, 5)
	n.begin(older)
	n.begin(newer)
	n.end(newer)
	r, _ := newRequest("a", changesOf(7, 3))
	if dropped := n.drop(r); dropped != 1 || r.Len() != 0 {
		t.Errorf("%d dropped and %d left, want the older one dropped", dropped, r.Len())
	}
	n.end(older)
	if len(n.movies) != 0 {
		t.Errorf("%d movies are remembered with nothing under way", len(n.movies))
	}
}

func changesOf(id int64, v movie.Version) []change {
	return []change{{message: &kafka.Message{}, event: movie.Event{ID: id, Op: movie.OpDelete, Version: v}}}
}
