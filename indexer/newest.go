package indexer

import (
	"slices"
	"sync"
	"time"

	"movies/internal/movie"
	"movies/internal/mutant"
)

// remembered is how long a delete is kept in mind after it was applied: for longer
// than Kafka takes an older event behind it (kafka.LateBy), with time for the feed
// to come to that.
const remembered = 15 * time.Minute

// newest knows the highest version of every movie that a session has under way,
// and the deletes that the feed has applied of late. A change below it is not
// sent any more. This is more than thrift: works are applied side by side, and a
// change that the cluster turns away is tried again for as long as it takes; and
// an older change may come behind a newer one, when a publish was repeated. The
// engine forgets the version of a delete after a time (index.gc_deletes), and at
// once when a node restarts, and an older change that comes behind that would
// bring the movie back for good.
//
// To leave a change out is safe: either the newer one is a message of the same
// partition, and no offset behind either is committed before it is finished, or
// it is a delete that was acknowledged. It is safe for concurrent use.
type newest struct {
	*deletes
	movies map[int64]underway
}

// deletes are those that a feed has applied of late; they outlive its sessions.
type deletes struct {
	mu       sync.Mutex
	versions map[int64]movie.Version
	order    []applied // in the order of time
}

// applied is a delete that the cluster has acknowledged.
type applied struct {
	id      int64
	version movie.Version
	at      time.Time
}

func newDeletes() *deletes { return &deletes{versions: make(map[int64]movie.Version)} }

// underway is a movie with changes under way.
type underway struct {
	version movie.Version // the highest
	works   int           // that have a change of it
}

func newNewest(d *deletes) *newest { return &newest{deletes: d, movies: make(map[int64]underway)} }

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

// applied takes note of the deletes among the changes that are done.
func (d *deletes) applied(changes []change, done func(i int) bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.order) > 0 && now.Sub(d.order[0].at) > remembered {
		if old := d.order[0]; d.versions[old.id] == old.version {
			delete(d.versions, old.id)
		}
		d.order = d.order[1:]
	}
	for i := range changes {
		e := &changes[i].event
		if e.Op == movie.OpDelete && done(i) && e.Version > d.versions[e.ID] {
			d.versions[e.ID] = e.Version
			d.order = append(d.order, applied{e.ID, e.Version, now})
		}
	}
}

// drop removes from a request what is superseded, and counts it.
func (n *newest) drop(r *request) (dropped int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	older := func(c change) bool {
		id := c.event.ID
		return c.event.Version < max(n.movies[id].version, n.versions[id])
	}
	if mutant.On(mutant.SentBehindNewer) || !slices.ContainsFunc(r.changes, older) {
		return 0
	}
	before := r.Len()
	r.keep(func(i int) bool { return !older(r.changes[i]) })
	return before - r.Len()
}
