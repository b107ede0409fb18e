package cache

import (
	"sync"
	"time"

	"movies/internal/movie"
	"movies/search"
)

// Changes is what the change stream said lately. Whoever follows the stream, from
// any point on, calls Note for every change and Current whenever all changes up to
// some moment have been noted; the zero horizon of a Changes nobody feeds vouches
// for nothing.
//
// It judges kept movies in two ways. A movie of an older version than a noted one
// is superseded, whenever it was fetched: a fill that was under way, or that the
// search tier answered before it had the change itself, is not kept. Nor is one of
// another version than a change that was noted since it was fetched. And a movie
// fetched while the stream was followed without a gap is as good as new until a
// change is noted, as long as the stream's last word is no older than maxSilence.
// No movie is vouched for longer than a horizon, nor before the stream has been
// followed for as long. Changes are remembered for a dozen horizons: so a search
// tier that is as far behind the stream, or as far as it has been followed, cannot
// plant an old version that would outlive its catching up.
//
// It is safe for concurrent use.
type Changes struct {
	horizon time.Duration

	mu sync.RWMutex
	// recent is filled, and becomes older once in a dozen horizons.
	recent, older map[int64]change
	turned        time.Time
	since         time.Time // followed without a gap since; zero for not at all
	current       time.Time // all that was published before has been noted
}

type change struct {
	version movie.Version
	noted   time.Time
}

const (
	// DefaultHorizon is how long movies are kept that do not change.
	DefaultHorizon = 5 * time.Minute
	// horizonsRemembered is how many horizons the search tier may be behind the
	// stream without a movie being kept that is older than it shows.
	horizonsRemembered = 12
	// maxSilence is the oldest that the stream's last word may be.
	maxSilence = time.Second
	// mostRemembered bounds the memory, about 50 bytes each. With more movies changed
	// in that time, nothing is vouched for until a horizon has passed.
	mostRemembered = 1_000_000
)

// NewChanges vouches for a horizon at most; 0 means DefaultHorizon.
func NewChanges(horizon time.Duration) *Changes {
	if horizon == 0 {
		horizon = DefaultHorizon
	}
	return &Changes{horizon: horizon, recent: map[int64]change{}}
}

// Note tells of a change of a movie.
func (c *Changes) Note(id int64, version movie.Version) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	if len(c.recent) >= mostRemembered {
		c.forget(now)
	}
	known := max(version, c.recent[id].version, c.older[id].version)
	c.recent[id] = change{known, now}
}

// Current tells that everything published before asOf has been noted.
func (c *Changes) Current(asOf time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(time.Now())
	if c.since.IsZero() {
		c.since = asOf
	}
	c.current = asOf
}

// Gap tells that changes may have been missed.
func (c *Changes) Gap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since, c.current = time.Time{}, time.Time{}
}

// AsOf is the moment up to which everything has been noted; zero for none.
func (c *Changes) AsOf() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.current
}

// turn lets go of what was noted long ago.
func (c *Changes) turn(now time.Time) {
	if now.Sub(c.turned) < horizonsRemembered*c.horizon {
		return
	}
	c.older, c.recent, c.turned = c.recent, map[int64]change{}, now
}

// forget makes room; what is forgotten counts as a gap.
func (c *Changes) forget(now time.Time) {
	c.older, c.recent, c.turned = nil, map[int64]change{}, now
	c.since = now
}

// superseded tells whether a change is known that an answer, asked for then, lacks.
// One that was noted since may also bring a lower version: where a repair replaces
// what nobody can have written.
func (c *Changes) superseded(items []search.Item, asked time.Time) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i := range items {
		known, ok := c.recent[items[i].Movie.ID]
		if !ok {
			known = c.older[items[i].Movie.ID]
		}
		if v := items[i].Version; v < known.version || v != known.version && known.noted.After(asked) {
			return true
		}
	}
	return false
}

// vouch tells whether a movie that is not superseded may be kept however long ago
// it was asked for, and which moment's state it shows.
func (c *Changes) vouch(asked, now time.Time) (asOf time.Time, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	ok = !c.since.IsZero() && asked.Sub(c.since) >= c.horizon && now.Sub(asked) < c.horizon && now.Sub(c.current) < maxSilence
	if asked.After(c.current) {
		return asked, ok
	}
	return c.current, ok
}
