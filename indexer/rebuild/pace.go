package rebuild

import (
	"context"
	"sync"
	"time"

	"movies/search/opensearch"
)

const (
	// paceEvery is how often the cluster is asked how it copes.
	paceEvery = 2 * time.Second
	// calmWindows is how many of those the backfill rests for when it learns what
	// queries take without it: in the first of them, requests may still be under way.
	calmWindows = 2
	// calmEvery is how many windows pass before it is learned anew, for what is
	// asked changes with the time of day.
	calmEvery = 40
	// tolerated is how much longer a query may take on average than without the
	// backfill before the backfill gives way; below comfortable, it takes more. The
	// slowest queries suffer more than the average.
	tolerated, comfortable = 1.15, 1.07
	// leastQueries is how many queries an average needs.
	leastQueries = 20
	// firstLevel is where a backfill beside readers begins.
	firstLevel = 1
	// leastLevel keeps a backfill moving however slow the cluster.
	leastLevel = 0.15
)

// pace makes the backfill give way to live reads. The cluster's own figures
// decide: when queries on the index that answers take longer than they do without
// the backfill, or writes are refused, fewer requests are under way at once, and
// in the end one with rests between; when neither is so, more. Where nobody
// reads, nothing is held back. It is safe for concurrent use.
type pace struct {
	turn chan struct{} // held by who waits to begin; the others wait behind
	mu   sync.Mutex
	// level is how many requests may be under way at once; below 1, for what share
	// of the time one may be.
	level   float64
	calm    bool // none may begin
	busy    int
	resting time.Time     // until then none may begin
	changed chan struct{} // closed and replaced when one may have become possible
}

func newPace(level float64) *pace {
	return &pace{turn: make(chan struct{}, 1), level: level, changed: make(chan struct{})}
}

// begin waits until a request may be sent, behind those who asked before.
func (p *pace) begin(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	for ctx.Err() == nil {
		p.mu.Lock()
		rest := time.Until(p.resting)
		if !p.calm && rest <= 0 && p.busy < max(1, int(p.level)) {
			p.busy++
			p.mu.Unlock()
			return nil
		}
		changed := p.changed
		p.mu.Unlock()
		if rest <= 0 {
			rest = time.Minute // changed comes first
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return ctx.Err()
}

// end says that a request that took a while has been answered.
func (p *pace) end(took time.Duration) {
	p.change(func() {
		p.busy--
		if p.level < 1 {
			p.resting = time.Now().Add(min(time.Duration(float64(took)*(1/p.level-1)), time.Minute))
		}
	})
}

func (p *pace) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// slower gives way; faster takes a little; free takes everything soon.
func (p *pace) slower() { p.change(func() { p.level = max(leastLevel, p.level*0.7) }) }
func (p *pace) faster() {
	p.change(func() { p.level = min(backfillWorkers, p.level+max(0.05, p.level/8)) })
}
func (p *pace) free() { p.change(func() { p.level = min(backfillWorkers, 2*max(1, p.level)) }) }

// rest stops requests from beginning, or ends that.
func (p *pace) rest(calm bool) { p.change(func() { p.calm = calm }) }

// request is how many movies the next requests should have: small ones leave a
// slow cluster time for others between them, large ones cost a fast one less.
func (p *pace) request() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.level < 2 {
		return chunkMovies / 5
	}
	return chunkMovies
}

// observer judges what queries take.
type observer struct {
	*pace
	usual   time.Duration // what a query takes without the backfill; 0: not known
	calm    int           // windows of rest that are left
	working int           // windows since the last rest
}

// judge adjusts the pace by the queries of the last window.
func (o *observer) judge(lately opensearch.SearchTime) {
	if o.calm > 0 {
		o.calm--
		if lately.Queries == 0 { // nobody is there to be spared
			o.calm = 0
			o.change(func() { o.level = backfillWorkers })
		}
		if o.calm == 0 {
			o.learn(lately)
			o.working = 0
			o.rest(false)
		}
		return
	}
	o.working++
	switch {
	case lately.Queries < leastQueries:
		o.free()
	case o.usual == 0 || o.working >= calmEvery:
		o.calm = calmWindows
		o.rest(true)
	case float64(lately.Mean()) > tolerated*float64(o.usual):
		o.slower()
	case float64(lately.Mean()) < comfortable*float64(o.usual):
		o.faster()
	}
}

// blind gives way to a cluster that does not answer, for it is not well, but does
// not rest until it does.
func (o *observer) blind() {
	o.calm = 0
	o.rest(false)
	o.slower()
}

// learn takes a window of rest for the usual. Half a millisecond more or less is
// the engine's way of counting.
func (o *observer) learn(calm opensearch.SearchTime) {
	switch {
	case calm.Queries < leastQueries:
		o.usual = 0
	case o.usual == 0:
		o.usual = max(calm.Mean(), time.Millisecond/2)
	default:
		o.usual = max((o.usual+calm.Mean())/2, time.Millisecond/2)
	}
}

// watch follows the index that answers until the context ends. The pace begins
// calm.
func (r *Rebuilder) watch(ctx context.Context, p *pace, index string) {
	o := &observer{pace: p, calm: calmWindows}
	window := paceEvery / 8 // enough to see whether anybody reads
	before, err := r.engine.SearchTime(ctx, index)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(window):
		}
		window = paceEvery
		now, failed := r.engine.SearchTime(ctx, index)
		switch {
		case failed != nil:
			o.blind()
		case err != nil: // there is nothing to compare with
		default:
			o.judge(now.Since(before))
		}
		before, err = now, failed
	}
}
