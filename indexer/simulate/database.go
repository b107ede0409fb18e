package simulate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"movies/internal/movie"
)

var errDown = errors.New("the server is down")

// How many movies and people there are at most. Movie n is directed by person
// n modulo people.
const (
	movies = 9
	people = 3
)

// database is a Postgres with the schema's triggers: movies, and people whose
// names are in the documents of all their movies.
type database struct {
	*world
	contents
	down     bool
	incident int // counts crashes and restores: what was open is gone
	systemID int
	timeline int
	xid      uint64
	log      []*transaction // committed, in the order of their LSNs
	pending  map[uint64]*transaction
	locks    map[int64]bool // movies, and people as negative numbers
	backup   contents
	slot     slot
}

// contents are what a snapshot sees, and the end of the WAL behind it.
type contents struct {
	rows  map[int64]row
	names map[int64]string
	wal   uint64
}

type row struct {
	title    string
	revision int64
	xmin     uint64
}

func (c *contents) clone() contents { return contents{maps.Clone(c.rows), maps.Clone(c.names), c.wal} }

// transaction has written, and may have committed.
type transaction struct {
	xid      uint64
	first    uint64 // LSN of its first message
	lsn, end uint64 // of its commit
	at       time.Time
	ids      []int64 // movies announced
	renamed  []int64 // people announced
	writes   []func(*contents)
	locks    []int64
	incident int
}

func newDatabase(w *world) *database {
	d := &database{world: w, systemID: 1, timeline: 1, pending: make(map[uint64]*transaction), locks: make(map[int64]bool),
		contents: contents{rows: make(map[int64]row), names: make(map[int64]string), wal: 1000}}
	for p := range int64(people) {
		d.names[p] = "person"
	}
	for id := int64(1); id <= movies; id += 2 {
		d.rows[id] = row{title: "loaded", revision: 1}
	}
	d.backup = d.clone()
	return d
}

// document is the movie as a snapshot sees it.
func (d *database) document(id int64) (movie.Movie, bool) {
	r, there := d.rows[id]
	if !there {
		return movie.Movie{}, false
	}
	name := d.names[id%people]
	return movie.Movie{ID: id, Title: r.title, Revision: r.revision, Directors: []string{name},
		People: []movie.Credit{{ID: id%people + 1, Name: name, Role: movie.RoleDirector}}}, true
}

func (d *database) documents(ids []int64) (found []movie.Movie) {
	for _, id := range ids {
		if m, there := d.document(id); there {
			found = append(found, m)
		}
	}
	return found
}

// begin makes a transaction of a few drawn writes.
func (d *database) begin() *transaction {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return nil
	}
	d.xid++
	t := &transaction{xid: d.xid, incident: d.incident}
	for range 1 + d.random.IntN(3) {
		switch id := 1 + d.random.Int64N(movies); {
		case d.random.IntN(5) == 0:
			d.rename(t, d.random.Int64N(people))
		case d.random.IntN(3) == 0:
			d.write(t, id, func(c *contents) { delete(c.rows, id) })
		default:
			title := "title " + strconv.FormatUint(d.xid, 10)
			d.write(t, id, func(c *contents) { c.rows[id] = row{title, c.rows[id].revision + 1, t.xid} })
		}
	}
	return t
}

func (d *database) write(t *transaction, id int64, change func(*contents)) {
	if d.lock(t, id) {
		t.ids = append(t.ids, id)
		t.writes = append(t.writes, change)
		d.message(t)
	}
}

func (d *database) rename(t *transaction, person int64) {
	if d.lock(t, -1-person) {
		name := "person " + strconv.FormatUint(t.xid, 10)
		t.renamed = append(t.renamed, person)
		t.writes = append(t.writes, func(c *contents) { c.names[person] = name })
		d.message(t)
	}
}

// lock takes a row; where a real transaction would wait, this one leaves it.
func (d *database) lock(t *transaction, row int64) bool {
	if d.locks[row] {
		return false
	}
	d.locks[row] = true
	t.locks = append(t.locks, row)
	return true
}

func (d *database) message(t *transaction) {
	d.wal += 1 + d.random.Uint64N(50)
	if t.first == 0 {
		t.first = d.wal
	}
}

// commit commits, and makes visible now or later.
func (d *database) commit(t *transaction) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.incident != t.incident || t.first == 0 {
		d.release(t)
		return
	}
	d.wal += 1 + d.random.Uint64N(50)
	t.lsn = d.wal
	d.wal += 8
	t.end, t.at = d.wal, time.Now()
	slices.Sort(t.ids)
	t.ids = slices.Compact(t.ids)
	d.log = append(d.log, t)
	d.pending[t.xid] = t
	d.note("commit %d at %d: movies %v people %v", t.xid, t.lsn, t.ids, t.renamed)
	if d.chance(0.1) {
		d.fault("late visibility")
		later := time.Duration(d.random.Int64N(int64(time.Second)))
		d.late.Go(func() {
			_ = d.wait(context.Background(), "show", later, later)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.show(t)
		})
		return
	}
	d.show(t)
}

// show makes a commit visible, unless a crash has done so or a restore has
// undone it.
func (d *database) show(t *transaction) {
	if d.pending[t.xid] != t {
		return
	}
	delete(d.pending, t.xid)
	for _, write := range t.writes {
		write(&d.contents)
	}
	d.release(t)
}

func (d *database) release(t *transaction) {
	if d.incident == t.incident {
		for _, row := range t.locks {
			delete(d.locks, row)
		}
	}
}

// crash is a kill -9: what was committed is there when it is up again, also what
// was not visible; what was open is not. The slot goes back to what was on disk.
func (d *database) crash() {
	d.fault("postgres killed")
	for _, xid := range slices.Sorted(maps.Keys(d.pending)) {
		d.show(d.pending[xid])
	}
	d.incident++
	clear(d.locks)
	d.down = true
	d.slot.confirmed = d.slot.durable
	d.slot.drop(errDown)
}

// restore puts the backup back: another history begins, and the slot is gone.
func (d *database) restore(reloaded bool) {
	d.fault(map[bool]string{false: "restored from backup", true: "dumped and reloaded"}[reloaded])
	d.incident++
	clear(d.locks)
	clear(d.pending)
	d.log = nil
	d.slot.drop(errDown)
	d.slot = slot{lost: "the slot is gone"}
	if reloaded {
		d.systemID++
		d.wal = 500
		return
	}
	d.contents = d.backup.clone()
	d.timeline++
}
