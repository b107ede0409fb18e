package relay

import (
	"slices"
	"time"

	"movies/internal/movie"
)

// Sizes, in movies.
const (
	// batchMovies is how many are read and published at once. Larger batches cost
	// memory and latency and gain nothing measurable.
	batchMovies = 1000
	// largeCommit is from where a commit is worked off in pieces beside others.
	largeCommit = 250
	// largeShare is the size of such a piece while others are waiting, and so how
	// much a large commit adds to the latency of the small ones.
	largeShare = 250
	// maxBacklog is where no more commits are taken in. A single commit may be
	// larger.
	maxBacklog = 1_000_000
)

// batch is work for one snapshot and one publish.
type batch struct {
	// xids of the commits that no earlier batch has named.
	xids []uint64
	// movies to read; each is there once.
	movies []change
	// confirm is the position to confirm once this batch and all before it are
	// published.
	confirm position
	// oldest is when the first of the batch's commits was committed.
	oldest time.Time
}

// change is one movie to read and the last commit in the batch that touched it.
type change struct {
	id  int64
	lsn uint64
	at  time.Time
}

// backlog holds what was committed and not yet read, in two lanes: small commits,
// and large ones that are worked off piece by piece. Both are in the order of
// commits.
type backlog struct {
	small, large []pending
	xids         []uint64 // of commits that came in since the last batch
	movies       int      // ids in both lanes
	end          position // of the last commit that came in
}

// position is the end of a commit.
type position struct{ lsn, xid uint64 }

func (p position) earlier(o position) position {
	if o.lsn < p.lsn {
		return o
	}
	return p
}

type pending struct {
	movie.Commit
	before position // the end of the commit before this one
}

func (b *backlog) add(c movie.Commit) {
	p := pending{Commit: c, before: b.end}
	if len(c.IDs) > largeCommit {
		b.large = append(b.large, p)
	} else {
		b.small = append(b.small, p)
	}
	if c.XID != 0 {
		b.xids = append(b.xids, c.XID)
	}
	b.movies += len(c.IDs)
	b.end = position{c.End, c.XID}
}

func (b *backlog) empty() bool { return len(b.small) == 0 && len(b.large) == 0 }
func (b *backlog) full() bool  { return b.movies >= maxBacklog }

// next takes a batch out. All commits that have come in are named by this batch
// or an earlier one, so that a snapshot for it sees every commit up to the last.
func (b *backlog) next() batch {
	out := batchBuilder{places: make(map[int64]int)}
	for len(b.small) > 0 && (len(out.movies) == 0 || len(out.movies)+len(b.small[0].IDs) <= batchMovies) {
		out.add(b.small[0].Commit, len(b.small[0].IDs))
		b.movies -= len(b.small[0].IDs)
		b.small = b.small[1:]
	}
	room := largeShare
	if len(out.movies) == 0 {
		room = batchMovies
	}
	for len(b.large) > 0 && room > 0 {
		c := &b.large[0]
		n := min(room, len(c.IDs))
		out.add(c.Commit, n)
		c.IDs = c.IDs[n:]
		room -= n
		b.movies -= n
		if len(c.IDs) == 0 {
			b.large = b.large[1:]
		}
	}
	out.xids, b.xids = b.xids, nil
	out.confirm = b.confirmable()
	slices.SortFunc(out.movies, func(x, y change) int { return int(x.id - y.id) })
	return out.batch
}

// confirmable is the position before the first commit that is still waiting.
func (b *backlog) confirmable() position {
	p := b.end
	if len(b.small) > 0 {
		p = p.earlier(b.small[0].before)
	}
	if len(b.large) > 0 {
		p = p.earlier(b.large[0].before)
	}
	return p
}

type batchBuilder struct {
	batch
	places map[int64]int // of a movie's change in the batch
}

// add puts the first n movies of a commit into the batch. A movie that is there
// keeps the higher LSN.
func (b *batchBuilder) add(c movie.Commit, n int) {
	if b.oldest.IsZero() || c.At.Before(b.oldest) {
		b.oldest = c.At
	}
	for _, id := range c.IDs[:n] {
		place, there := b.places[id]
		switch {
		case !there:
			b.places[id] = len(b.movies)
			b.movies = append(b.movies, change{id, c.LSN, c.At})
		case b.movies[place].lsn < c.LSN:
			b.movies[place].lsn, b.movies[place].at = c.LSN, c.At
		}
	}
}
