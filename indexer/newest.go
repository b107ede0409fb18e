package indexer

import (
	"slices"
	"sync"

	"movies/internal/movie"
	"movies/internal/mutant"
)

// newest knows the highest version of every movie that a session has under way.
// A change below it is not sent any more. This is more than thrift: works are
// applied side by side, and a change that the cluster turns away is tried again
// for as long as it takes. The engine forgets the version of a delete after a
// time (index.gc_deletes, and sooner when a node restarts), and an older change
// that comes behind that would bring the movie back for good.
//
// To leave a change out is safe: the newer one is a message of the same
// partition, and no offset behind either is committed before it is finished. It
// is safe for concurrent use.
type newest struct {
	mu     sync.Mutex
	movies map[int64]underway
}

// underway is a movie with changes under way.
type underway struct {
	version movie.Version // the highest
	works   int           // that have a change of it
}

func newNewest() *newest { return &newest{movies: make(map[int64]underway)} }

// begin takes note of the changes of a work, at most one for each movie.
func (n *newest) begin(changes []change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range changes {
		e := &changes[i].event
		u := n.movies[e.ID]
		n.movies[e.ID] = underway{max(u.version, e.Version), u.works + 1}
	}
}

// end takes note that a work has ended.
func (n *newest) end(changes []change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range changes {
		id := changes[i].event.ID
		u := n.movies[id]
		if u.works--; u.works == 0 {
			delete(n.movies, id)
		} else {
			n.movies[id] = u
		}
	}
}

// drop removes from a request what is superseded, and counts it.
func (n *newest) drop(r *request) (dropped int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	older := func(c change) bool { return c.event.Version < n.movies[c.event.ID].version }
	if mutant.On(mutant.SentBehindNewer) || !slices.ContainsFunc(r.changes, older) {
		return 0
	}
	before := r.Len()
	r.keep(func(i int) bool { return !older(r.changes[i]) })
	return before - r.Len()
}
