package opensearch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"movies/internal/movie"
	"movies/mappings"
)

const (
	// guardEvery is how old the known mapping version of the index that answers may
	// be, while questions are asked. An alias is moved without notice.
	guardEvery = time.Second
	// guardPatience is how long the cluster may take to tell it.
	guardPatience = 2 * time.Second
)

// guard refuses to ask an index whose mapping this release does not understand:
// its answers would be wrong without a sign of it. It looks again while questions
// are asked, beside them; only the first one waits. A cluster that cannot tell
// changes nothing: the question itself will fail if the cluster is down. It is
// safe for concurrent use.
type guard struct {
	client *Client
	index  string

	mu      sync.Mutex
	known   bool
	verdict error
	checked time.Time // when it was last looked, or begun to
}

// check is nil, or says why the index must not be asked.
func (g *guard) check(ctx context.Context) error {
	g.mu.Lock()
	known, verdict, due := g.known, g.verdict, time.Since(g.checked) >= guardEvery
	if due {
		g.checked = time.Now()
	}
	g.mu.Unlock()
	switch {
	case !known:
		return g.look(ctx)
	case due:
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), guardPatience)
			defer cancel()
			_ = g.look(ctx) // the next question learns of it
		}()
	}
	return verdict
}

// look asks the cluster.
func (g *guard) look(ctx context.Context) error {
	indices, err := g.client.Indices(ctx, g.index)
	if err != nil {
		return err
	}
	var verdict error
	for _, index := range indices {
		if !mappings.Understands(index.MappingVersion) {
			verdict = fmt.Errorf("%w: index %s has mapping version %d, and this release understands %d to %d: run the release it belongs to, or rebuild it (reindex run)",
				movie.ErrUnavailable, index.Name, index.MappingVersion, mappings.OldestVersion, mappings.Version)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known, g.verdict = len(indices) > 0, verdict // an index that is not there yet may be any
	return verdict
}

// Understood tells whether this release understands the index that answers, as far
// as is known: a cluster that cannot tell changes nothing. An error, of kind
// movie.ErrUnavailable, is this release's own: replicas of another may go on.
func (s *Searcher) Understood(ctx context.Context) error {
	_ = s.guard.look(ctx) // what it has learned is below
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	return s.guard.verdict
}
