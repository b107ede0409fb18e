package search

import (
	"context"
	"sync"
	"time"
)

// Provenance tells how old an answer is. It may be made of several questions, and
// is then as old as the oldest of their answers. It is safe for concurrent use.
type Provenance struct {
	mu    sync.Mutex
	asOf  time.Time
	stale bool
}

type (
	provenanceKey struct{}
	pastCachesKey struct{}
)

// Trace gives a context whose questions report to the Provenance. What is not
// reported on is as old as the call of Trace.
func Trace(ctx context.Context) (context.Context, *Provenance) {
	p := &Provenance{asOf: time.Now()}
	return context.WithValue(ctx, provenanceKey{}, p), p
}

// Traced is the Provenance that Trace gave the context, or nil.
func Traced(ctx context.Context) *Provenance {
	p, _ := ctx.Value(provenanceKey{}).(*Provenance)
	return p
}

// Report is how a cache tells the context's Provenance, if it has one, about an
// answer: which moment's state of the search tier it shows at least, and whether
// it is older than it should be because the search tier did not answer.
func Report(ctx context.Context, asOf time.Time, stale bool) {
	p := Traced(ctx)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if asOf.Before(p.asOf) {
		p.asOf = asOf
	}
	p.stale = p.stale || stale
}

// AsOf is what was reported so far.
func (p *Provenance) AsOf() (asOf time.Time, stale bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asOf, p.stale
}

// PastCaches gives a context whose questions no cache answers.
func PastCaches(ctx context.Context) context.Context {
	return context.WithValue(ctx, pastCachesKey{}, true)
}

// ArePastCaches tells whether the context is one of PastCaches.
func ArePastCaches(ctx context.Context) bool { return ctx.Value(pastCachesKey{}) != nil }
