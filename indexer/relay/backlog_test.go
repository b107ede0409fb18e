package relay

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"movies/internal/movie"
)

// Whatever comes in, in whatever batches it goes out: every movie of every commit
// is read at its commit's LSN or a later one of the same movie, after all commits
// up to that LSN have been named to the reader, and a position is confirmed only
// when everything before it is out.
func TestBacklogLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			b         backlog
			commits   []movie.Commit
			read      = make(map[int64]uint64) // movie -> highest LSN it was read at
			named     = make(map[uint64]bool)  // xids
			confirmed uint64
		)
		takeOut := func() {
			out := b.next()
			for _, x := range out.xids {
				named[x] = true
			}
			seen := make(map[int64]bool)
			for _, m := range out.movies {
				if seen[m.id] {
					t.Fatalf("movie %d is twice in a batch", m.id)
				}
				seen[m.id] = true
				read[m.id] = max(read[m.id], m.lsn)
			}
			for _, c := range commits {
				if !named[c.XID] {
					t.Fatalf("commit %d came in and the snapshot need not see it", c.LSN)
				}
			}
			if out.confirm.lsn < confirmed {
				t.Fatalf("confirmed %d after %d", out.confirm.lsn, confirmed)
			}
			confirmed = out.confirm.lsn
			if c := confirmed / 100; c > 0 && out.confirm.xid != c {
				t.Fatalf("confirmed %d of transaction %d", confirmed, out.confirm.xid)
			}
			for _, c := range commits {
				if c.End > confirmed {
					break
				}
				for _, id := range c.IDs {
					if read[id] < c.LSN {
						t.Fatalf("confirmed %d, and movie %d was read at %d, before its commit %d", confirmed, id, read[id], c.LSN)
					}
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				c := anyCommit(t, uint64(len(commits)+1))
				commits = append(commits, c)
				b.add(c)
			},
			"batch": func(t *rapid.T) {
				if b.empty() {
					t.Skip("nothing waits")
				}
				takeOut()
			},
		})
		for !b.empty() {
			takeOut()
		}
		if n := len(commits); n > 0 && confirmed != commits[n-1].End {
			t.Fatalf("everything is out and %d is confirmed, want %d", confirmed, commits[n-1].End)
		}
		if b.movies != 0 {
			t.Fatalf("empty, and %d movies are counted", b.movies)
		}
	})
}

func anyCommit(t *rapid.T, n uint64) movie.Commit {
	size := rapid.SampledFrom([]int{0, 1, 2, 100, largeCommit, largeCommit + 1, 3 * batchMovies}).Draw(t, "size")
	first := rapid.Int64Range(1, 500).Draw(t, "first")
	ids := make([]int64, size)
	for i := range ids {
		ids[i] = first + int64(i)
	}
	return movie.Commit{LSN: n * 100, End: n*100 + 50, XID: n, IDs: ids, At: time.Unix(int64(n), 0)}
}

// While a large commit is worked off, a small one that comes in is in the very
// next batch, and that batch is small.
func TestLargeCommitDelaysOthersByOneBatch(t *testing.T) {
	var b backlog
	large := movie.Commit{LSN: 100, End: 150, XID: 1}
	for id := range int64(10_000) {
		large.IDs = append(large.IDs, id+1)
	}
	b.add(large)
	for n := uint64(2); !b.empty(); n++ {
		small := movie.Commit{LSN: n * 100, End: n*100 + 50, XID: n, IDs: []int64{int64(1_000_000 + n)}}
		if n < 10 {
			b.add(small)
		}
		out := b.next()
		if n < 10 && !slices.ContainsFunc(out.movies, func(c change) bool { return c.id == small.IDs[0] }) {
			t.Fatalf("a small commit was not in the next batch")
		}
		if n < 10 && len(out.movies) > largeShare+1 {
			t.Fatalf("a batch with a small commit has %d movies", len(out.movies))
		}
		if n >= 10 && len(out.movies) > batchMovies {
			t.Fatalf("a batch has %d movies", len(out.movies))
		}
	}
}
