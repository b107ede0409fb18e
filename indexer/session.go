package indexer

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/kafka"
	"movies/internal/mutant"
)

// parallel is how many works a session has under way at once: enough to keep a
// cluster busy while others are decoded or wait for their answer.
const parallel = 4

// gatherPatience is how long a change waits for company at most.
const gatherPatience = 100 * time.Millisecond

// commitInterval is the least time between two commits of offsets.
const commitInterval = 100 * time.Millisecond

// commitRetry is how soon a commit that failed is tried again.
const commitRetry = time.Second

// share is a feed's part of the topic between two rebalances: a *kafka.Session.
type share interface {
	Start() kafka.Offsets
	Batches() <-chan kafka.Batch
	Commit(kafka.Offsets) error
}

var _ share = (*kafka.Session)(nil)

// session works off a share.
type session struct {
	*feed
	share    share
	progress *progress
	newest   *newest
	works    chan struct{} // holds a token for each work under way
	idle     chan struct{} // gets a token whenever the last work has ended
	left     kafka.Batch   // what gather took and did not need

	state    sync.Mutex
	underway int // works
}

// serve works until the context ends or the feed cannot go on.
func (f *feed) serve(ctx context.Context, s share) error {
	x := &session{feed: f, share: s, progress: newProgress(s.Start()), newest: newNewest(f.deletes), works: make(chan struct{}, parallel), idle: make(chan struct{}, 1)}
	f.metrics.begin(x.progress, len(s.Start()))
	defer f.metrics.end()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return x.commitLoop(ctx) })
	g.Go(func() error { return x.watchEnds(ctx) })
	g.Go(func() error {
		for before := closed(); ; {
			w, err := x.gather(ctx)
			if err != nil {
				return err
			}
			w.before, w.known = before, make(chan struct{})
			before = w.known
			g.Go(func() error { return x.process(ctx, w) })
		}
	})
	err := g.Wait()
	x.commit() // what was finished is; a failure means that it is done again
	return err
}

// work is a run of messages that are sent together, and where they came from.
type work struct {
	messages []kafka.Message
	bytes    int
	spans    []*span
	// known is closed when newest knows the changes of this work and of all before
	// it; before is that of the one before.
	before, known chan struct{}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (w *work) add(b kafka.Batch, p *progress) {
	w.messages = append(w.messages, b.Messages...)
	w.bytes += b.Bytes
	w.spans = append(w.spans, p.begin(b))
}

// gather waits for the next work. It is complete when it has the size that the
// throttle allows; or, as with Nagle's algorithm, as soon as nothing is under
// way: a lone change is not kept waiting, and while a request is answered the
// changes that arrive meanwhile make up the next one. They do not wait for it
// longer than gatherPatience, though.
func (x *session) gather(ctx context.Context) (*work, error) {
	select {
	case x.works <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := &work{}
	var patience <-chan time.Time
	waited := false
	for {
		size := x.throttle.size()
		x.take(w, size)
		if w.bytes >= size || len(w.messages) > 0 && (waited || !x.busy()) {
			x.begin()
			return w, nil
		}
		if len(w.messages) > 0 && patience == nil {
			patience = time.After(gatherPatience)
		}
		select {
		case x.left = <-x.share.Batches():
		case <-x.idle:
		case <-patience:
			waited = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take moves messages into the work up to the size: what was left and what is
// there without waiting.
func (x *session) take(w *work, size int) {
	for w.bytes < size {
		if len(x.left.Messages) == 0 {
			select {
			case x.left = <-x.share.Batches():
			default:
				return
			}
		}
		var part kafka.Batch
		part, x.left = split(x.left, size-w.bytes)
		w.add(part, x.progress)
	}
}

// split cuts a batch behind the message with which it reaches the size.
func split(b kafka.Batch, size int) (part, rest kafka.Batch) {
	if b.Bytes <= size {
		return b, kafka.Batch{}
	}
	bytes := 0
	for i := range b.Messages {
		bytes += len(b.Messages[i].Key) + len(b.Messages[i].Value)
		if bytes >= size {
			part, rest = b, b
			part.Messages, part.Bytes = b.Messages[:i+1], bytes
			rest.Messages, rest.Bytes = b.Messages[i+1:], b.Bytes-bytes
			return part, rest
		}
	}
	return b, kafka.Batch{}
}

func (x *session) begin() {
	x.state.Lock()
	defer x.state.Unlock()
	x.underway++
}

func (x *session) busy() bool {
	x.state.Lock()
	defer x.state.Unlock()
	return x.underway > 0
}

// process finishes one work and frees its place.
func (x *session) process(ctx context.Context, w *work) error {
	if mutant.On(mutant.CommitBeforeFlush) {
		x.progress.finish(w.spans)
	}
	err := x.apply(ctx, w)
	if err == nil {
		x.progress.finish(w.spans)
	}
	x.state.Lock()
	x.underway--
	idle := x.underway == 0
	x.state.Unlock()
	if idle {
		select {
		case x.idle <- struct{}{}:
		default:
		}
	}
	<-x.works
	return err
}

// commitLoop commits when there is something to commit, and not too often.
func (x *session) commitLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-x.progress.changed:
		}
		pause := commitInterval
		if !x.commit() { // nothing else may come to make up for it
			x.progress.again()
			pause = commitRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// commit stores how far everything is finished, and reports whether it could. A
// failed commit is made up for by the next one, or by the next session, which
// does the same work again.
func (x *session) commit() bool {
	offsets := x.progress.committable()
	if err := x.share.Commit(offsets); err != nil {
		x.logger.Warn("offsets not committed; the work since the last commit may be repeated", "error", err)
		return false
	}
	x.progress.committed(offsets)
	return true
}

// watchEnds keeps the lag true while nothing is fetched because the cluster is
// slow or down.
func (x *session) watchEnds(ctx context.Context) error {
	for {
		if ends, err := x.log.EndOffsets(ctx, kafka.TopicChanges); err == nil {
			x.progress.ends(ends)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lagInterval):
		}
	}
}
