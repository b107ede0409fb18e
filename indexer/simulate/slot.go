package simulate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"movies/indexer/rebuild"
	"movies/indexer/relay"
	"movies/internal/movie"
	"movies/internal/mutant"
)

// slot is the replication slot.
type slot struct {
	exists             bool
	confirmed, durable uint64
	holder             *source
	lost               string
}

// drop ends the holder's stream.
func (s *slot) drop(err error) {
	if s.holder != nil {
		s.holder.end(err)
		s.holder = nil
	}
}

// source is a stream of decoded commits.
type source struct {
	p         *process
	origin    movie.Origin
	commits   chan movie.Commit
	confirmed uint64
	ended     chan struct{} // closed with err set
	err       error
	over      bool
}

var (
	_ relay.Source    = (*source)(nil)
	_ relay.Reader    = reader{}
	_ rebuild.Source  = catalog{}
	_ rebuild.History = catalog{}
)

// acquire waits for the slot and streams from it.
func (p *process) acquire(ctx context.Context) (relay.Source, error) {
	for {
		if err := p.step(ctx, "acquire", 100*time.Millisecond, 3*time.Second); err != nil {
			return nil, err
		}
		announced := p.slotMissing() && relay.Announce(ctx, client{p}) == nil
		if s := p.take(announced); s != nil {
			go s.stream()
			return s, nil
		}
	}
}

func (p *process) slotMissing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.database.down && !p.database.slot.exists
}

// take takes the slot, which it makes if that has been announced.
func (p *process) take(announced bool) *source {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.database
	if h := d.slot.holder; h != nil && h.p.dead {
		d.slot.drop(errDead)
	}
	if d.down || d.slot.holder != nil || !d.slot.exists && !announced {
		return nil
	}
	o := movie.Origin{SystemID: strconv.Itoa(d.systemID), Timeline: d.timeline, WALEnd: d.wal}
	if !d.slot.exists {
		o.Fresh, o.Lost = true, d.slot.lost
		d.slot = slot{exists: true, confirmed: d.wal, durable: d.wal}
	}
	o.Start = d.slot.confirmed
	s := &source{p: p, origin: o, commits: make(chan movie.Commit), confirmed: o.Start, ended: make(chan struct{})}
	d.slot.holder = s
	d.note("%s holds the slot at %d", p.name, o.Start)
	return s
}

func (s *source) Origin() movie.Origin         { return s.origin }
func (s *source) Commits() <-chan movie.Commit { return s.commits }

// end closes the stream; the caller holds mu.
func (s *source) end(err error) {
	if !s.over {
		s.over, s.err = true, err
		close(s.ended)
	}
}

// Close implements relay.Source.
func (s *source) Close() error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	err := s.err
	if s.p.database.slot.holder == s {
		s.p.database.slot.holder = nil
	}
	s.end(nil)
	return err
}

// Confirm implements relay.Source.
func (s *source) Confirm(lsn uint64) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.confirm(lsn)
}

func (s *source) confirm(lsn uint64) {
	d := s.p.database
	s.confirmed = max(s.confirmed, lsn)
	if s.over || s.p.dead || d.slot.holder != s {
		return
	}
	d.slot.confirmed = max(d.slot.confirmed, s.confirmed)
	if d.random.IntN(4) == 0 { // written at a checkpoint
		d.slot.durable = d.slot.confirmed
	}
}

// stream delivers commits in order; when there are none, what is behind the last
// is confirmed.
func (s *source) stream() {
	defer close(s.commits)
	ctx, cancel := context.WithCancel(s.p.ctx)
	defer cancel()
	for position := s.origin.Start; ; {
		if s.p.step(ctx, "decode", 100*time.Microsecond, 8*time.Millisecond) != nil {
			return
		}
		c, found, over := s.next(position)
		switch {
		case over:
			return
		case !found:
			if s.p.step(ctx, "idle", 20*time.Millisecond, 400*time.Millisecond) != nil {
				return
			}
			continue
		}
		select {
		case s.commits <- c:
			position = c.End
		case <-s.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

// next is the first commit behind the position. One that touches shared rows is
// decoded only when it is visible.
func (s *source) next(position uint64) (c movie.Commit, found, over bool) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.over {
		return c, false, true
	}
	d := s.p.database
	for _, t := range d.log {
		if t.end <= position {
			continue
		}
		if len(t.renamed) > 0 && d.pending[t.xid] == t {
			return c, false, false
		}
		c = movie.Commit{LSN: t.lsn, End: t.end, XID: t.xid, At: t.at, IDs: d.affected(t)}
		if mutant.On(mutant.MessageLSN) {
			c.LSN = t.first
		}
		return c, true, false
	}
	if s.confirmed >= position {
		s.confirm(d.wal)
	}
	return c, false, false
}

// affected are the movies whose documents a transaction has changed.
func (d *database) affected(t *transaction) (ids []int64) {
	touched := make(map[int64]bool)
	for _, id := range t.ids {
		touched[id] = true
	}
	for _, person := range t.renamed {
		for id := range d.rows {
			if id%people == person {
				touched[id] = true
			}
		}
	}
	for id := range int64(movies + 1) {
		if touched[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// reader reads for the relay.
type reader struct{ *process }

// Read implements relay.Reader.
func (r reader) Read(ctx context.Context, xids []uint64, ids []int64) ([]movie.Movie, error) {
	for {
		if err := r.step(ctx, "read", 200*time.Microsecond, 10*time.Millisecond); err != nil {
			return nil, err
		}
		if found, visible, err := r.snapshot(xids, ids); visible || err != nil {
			return found, err
		}
	}
}

func (r reader) snapshot(xids []uint64, ids []int64) (found []movie.Movie, visible bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.database.down {
		return nil, false, errDown
	}
	for _, xid := range xids {
		if r.database.pending[xid] != nil {
			return nil, false, nil
		}
	}
	return r.database.documents(ids), true, nil
}

// catalog is the database as the operator's commands see it. What package rebuild
// asks for while it holds a lock is answered at once, because the simulated clock
// stands still while somebody waits for a lock.
type catalog struct{ *process }

func (c catalog) ask() (*database, func(), error) {
	c.mu.Lock()
	if c.dead || c.database.down {
		c.mu.Unlock()
		return nil, nil, fmt.Errorf("%w: %w", movie.ErrUnavailable, errDown)
	}
	return c.database, c.mu.Unlock, nil
}

// Boundary implements rebuild.Source.
func (c catalog) Boundary(_ context.Context, after int64, n int) (id int64, more bool, err error) {
	d, done, err := c.ask()
	if err != nil {
		return 0, false, err
	}
	defer done()
	for id := after + 1; id <= movies; id++ {
		if _, there := d.rows[id]; there {
			if n--; n == 0 {
				return id, true, nil
			}
		}
	}
	return 0, false, nil
}

// Between implements rebuild.Source.
func (c catalog) Between(ctx context.Context, after, through int64) ([]movie.Movie, error) {
	var ids []int64
	for id := after + 1; id <= min(through, movies); id++ {
		ids = append(ids, id)
	}
	return c.Documents(ctx, ids)
}

// Documents implements rebuild.Source.
func (c catalog) Documents(ctx context.Context, ids []int64) ([]movie.Movie, error) {
	if err := c.step(ctx, fmt.Sprint("documents", ids), 200*time.Microsecond, 20*time.Millisecond); err != nil {
		return nil, err
	}
	d, done, err := c.ask()
	if err != nil {
		return nil, err
	}
	found := d.documents(ids)
	slow := d.chance(0.05)
	done()
	if slow { // the answer takes its time
		err = c.step(ctx, fmt.Sprint("slow", ids), time.Millisecond, 3*time.Second)
	}
	return found, err
}

// Count implements rebuild.Source.
func (c catalog) Count(context.Context) (int64, error) {
	d, done, err := c.ask()
	if err != nil {
		return 0, err
	}
	defer done()
	return int64(len(d.rows)), nil
}

// Position implements rebuild.History.
func (c catalog) Position(context.Context) (movie.Origin, error) {
	d, done, err := c.ask()
	if err != nil {
		return movie.Origin{}, err
	}
	defer done()
	return movie.Origin{SystemID: strconv.Itoa(d.systemID), Timeline: d.timeline, WALEnd: d.wal}, nil
}

// VisibleLSN implements rebuild.History.
func (c catalog) VisibleLSN(context.Context) (uint64, error) {
	d, done, err := c.ask()
	if err != nil {
		return 0, err
	}
	defer done()
	if !d.slot.exists {
		return 0, movie.ErrNotFound
	}
	return d.slot.confirmed, nil
}

// Reemit implements rebuild.History.
func (c catalog) Reemit(_ context.Context, ids []int64) error {
	d, done, err := c.ask()
	if err != nil {
		return err
	}
	d.xid++
	t := &transaction{xid: d.xid, incident: d.incident, ids: ids}
	d.message(t)
	done()
	d.commit(t)
	return nil
}

// RowVersions implements rebuild.History.
func (c catalog) RowVersions(_ context.Context, ids []int64) (map[int64]uint32, error) {
	d, done, err := c.ask()
	if err != nil {
		return nil, err
	}
	defer done()
	versions := make(map[int64]uint32)
	for _, id := range ids {
		if r, there := d.rows[id]; there {
			versions[id] = uint32(r.xmin)
		}
	}
	return versions, nil
}
