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
	// tolerated is how much longer a query may take than before the backfill, on
	// average, without the backfill giving way.
	tolerated = 1.2
	// leastQueries is how many queries an average needs.
	leastQueries = 20
	// leastShare keeps a backfill moving however slow the cluster.
	leastShare = 0.05
)

// pace makes the backfill give way to live reads. The cluster's own figures
// decide: when queries on the index that answers take longer than they used to,
// or writes are refused, the workers rest for a larger share of the time; when
// neither is so, for a smaller one. It is safe for concurrent use.
type pace struct {
	mu    sync.Mutex
	share float64 // of the time that workers may work, up to 1
}

// rest waits after a piece of work for as long as the share asks for.
func (p *pace) rest(ctx context.Context, worked time.Duration) {
	p.mu.Lock()
	share := p.share
	p.mu.Unlock()
	if share >= 1 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(time.Duration(float64(worked)*(1/share-1)), time.Minute)):
	}
}

// slower gives way; faster takes a little back.
func (p *pace) slower() { p.adjust(func(s float64) float64 { return max(leastShare, s*0.7) }) }
func (p *pace) faster() { p.adjust(func(s float64) float64 { return min(1, s+0.05) }) }

func (p *pace) adjust(change func(float64) float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share = change(p.share)
}

// watch follows the index that answers until the context ends. What queries took
// before it was called is what they should go on taking.
func (r *Rebuilder) watch(ctx context.Context, p *pace, index string) {
	if index == "" {
		return
	}
	before, err := r.engine.SearchTime(ctx, index)
	usual := before.Mean()
	if err != nil || before.Queries < leastQueries {
		usual = 0 // to be learned from the first queries there are
	}
	ticker := time.NewTicker(paceEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := r.engine.SearchTime(ctx, index)
		if err != nil {
			p.slower() // a cluster that does not answer is not well
			continue
		}
		usual = p.judge(usual, now.Since(before))
		before = now
	}
}

// judge adjusts the pace by what queries took lately, and gives what is usual
// from now on.
func (p *pace) judge(usual time.Duration, lately opensearch.SearchTime) time.Duration {
	switch {
	case lately.Queries < leastQueries:
		p.faster()
	case usual == 0:
		return lately.Mean()
	case float64(lately.Mean()) > tolerated*float64(max(usual, time.Millisecond)):
		p.slower()
	default:
		p.faster()
	}
	return usual
}
