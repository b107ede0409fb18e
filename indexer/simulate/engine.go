package simulate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"movies/internal/movie"
	"movies/search/opensearch"
)

// engine is a search cluster of one node.
type engine struct {
	*world
	down    bool
	crashes int
	indices map[string]*index
	records map[string]*record // operators' records, by index
	// refusing is a spell in which some items are refused for as long as it lasts.
	refusing int
	share    float64
	// backwards tells what readers have seen going backwards.
	backwards []string
}

// index holds documents; what a delete leaves is a document that is not there,
// until it is forgotten.
type index struct {
	meta      map[string]any
	aliases   map[string]bool
	gcDeletes time.Duration

	documents map[int64]*document
	shown     map[int64]*document     // as of the last refresh that was asked for: searches show at least these
	highest   map[int64]movie.Version // ever written, for the trace
}

type document struct {
	version movie.Version
	source  []byte // nil: deleted
	at      time.Time
}

// record is an operators' record with its sequence number.
type record struct {
	seqNo  int64
	source []byte
}

func newEngine(w *world) *engine {
	return &engine{world: w, indices: make(map[string]*index), records: make(map[string]*record)}
}

// restartedTombstones is how old a delete is that a restart makes the engine
// forget: newer ones are still in the log from which it recovers. The bound is
// above the longest time by which a repeated publish is late: against one that
// comes behind a delete, with a restart between the two, only the memory of the
// indexer's process helps, and that is killed here, too.
const restartedTombstones = 20 * time.Second

// crash is a kill -9: what was acknowledged is there when it is up again, except
// for the versions of deletes.
func (e *engine) crash() {
	e.fault("engine killed")
	e.down = true
	e.crashes++
	for _, x := range e.indices {
		x.forget(restartedTombstones)
	}
}

// forget drops deletes older than an age.
func (x *index) forget(age time.Duration) {
	maps.DeleteFunc(x.documents, func(_ int64, d *document) bool { return d.source == nil && time.Since(d.at) > age })
}

// write applies one item as of an external version, or of the next when it has
// none, and gives its status.
func (e *engine) write(x *index, id int64, version movie.Version, source []byte) int {
	x.forget(x.gcDeletes)
	was := x.documents[id]
	switch {
	case version == 0 && was != nil:
		version = was.version + 1
	case version == 0:
		version = 1
	case was != nil && version <= was.version:
		return 409
	}
	if x.highest[id] > version {
		e.note("movie %d is back at %d, after %d", id, version, x.highest[id])
	}
	x.highest[id] = max(x.highest[id], version)
	x.documents[id] = &document{version, source, time.Now()}
	switch {
	case source == nil && (was == nil || was.source == nil):
		return 404
	case was == nil:
		return 201
	}
	return 200
}

// refuses tells whether an item is refused: in a spell, documents only, for the
// engine runs out of memory for them first. The caller holds mu.
func (e *engine) refuses(id int64, version movie.Version, deletion bool) bool {
	if e.calm {
		return false
	}
	if e.refusing > 0 {
		if deletion {
			return false
		}
		h := (uint64(id)*0x9e3779b97f4a7c15 ^ uint64(version)*0xbf58476d1ce4e5b9 ^ uint64(e.refusing)*0x94d049bb133111eb) >> 11
		return float64(h%1000) < 1000*e.share
	}
	return e.chance(0.02)
}

// moveReaders takes note of movies that go backwards for those who read by the
// alias: what the old index may have shown last is newer than what the new one
// shows at least. Passed over are movies of which the new one knows nothing, for
// their deletion may have been forgotten, and those that it has from before a
// restore of the database, for which a repair is due.
func (e *engine) moveReaders(from, to *index) {
	for id := int64(1); id <= movies; id++ {
		was, is := from.documents[id], to.shown[id]
		if was == nil || is == nil || was.version.Epoch() != is.version.Epoch() {
			continue
		}
		if was.version > is.version && !bytes.Equal(was.source, is.source) {
			e.backwards = append(e.backwards, fmt.Sprintf("movie %d goes back, for readers, from %s at %d to %s at %d", id, was.source, was.version, is.source, is.version))
		}
	}
}

// find gives the names of the indices that a name stands for.
func (e *engine) find(name string) (found []string) {
	prefix, pattern := strings.CutSuffix(name, "*")
	for n, x := range e.indices {
		if n == name || x.aliases[name] || pattern && strings.HasPrefix(n, prefix) {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found
}

// fed are the names of the indices that are kept fed.
func (e *engine) fed() []string { return e.find(opensearch.FeedAlias) }

// live are the ids of an index's documents, in order.
func (x *index) live() (ids []int64) {
	for id, d := range x.documents {
		if d.source != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// set applies settings as _settings takes them.
func (x *index) set(settings map[string]any) {
	if gc, there := settings["index.gc_deletes"]; there {
		text, _ := gc.(string)
		text = cmp.Or(text, "60s") // the engine's default
		if days, ok := strings.CutSuffix(text, "d"); ok {
			hours, _ := time.ParseDuration(days + "h")
			x.gcDeletes = 24 * hours
			return
		}
		x.gcDeletes, _ = time.ParseDuration(text)
	}
}
