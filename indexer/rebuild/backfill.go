package rebuild

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"movies/internal/movie"
	"movies/internal/mutant"
	"movies/internal/progress"
	"movies/mappings"
	"movies/search/opensearch"
)

// chunkMovies is the size of a chunk outside of tests.
const chunkMovies = 1000

// backfillWorkers read, encode and send at once: enough to keep the database,
// this process and the cluster busy at the same time, some of them waiting for
// what they have done to be recorded.
const backfillWorkers = 8

// backfill reads every movie there is and writes it to the new index.
func (r *Rebuilder) backfill(ctx context.Context, l *lease, maxRate float64) error {
	total, err := r.source.Count(ctx)
	if err != nil {
		return err
	}
	run := l.run()
	bar := r.say.start("backfill", "movies", run.Movies, total)
	defer bar.Finish()
	b := &backfill{Rebuilder: r, lease: l, bar: bar, epoch: run.Epoch, index: run.Index,
		limit: rate.NewLimiter(rate.Inf, chunkMovies), pace: newPace(backfillWorkers)}
	b.ranges = ranges{source: r.source, size: r.chunkOf(total), next: run.Next, exhausted: run.Exhausted, again: run.Pending}
	b.movies = run.Movies
	if maxRate > 0 {
		b.limit = rate.NewLimiter(rate.Limit(maxRate), chunkMovies)
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	if run.Previous != "" {
		b.pace = newPace(firstLevel)
		b.pace.rest(true)
		go r.watch(watching, b.pace, run.Previous)
	}
	g, ctx := errgroup.WithContext(ctx)
	for range backfillWorkers {
		g.Go(func() error { return b.work(ctx) })
	}
	return g.Wait()
}

// chunkOf makes the chunks of a small catalogue smaller, so that there is one for
// every worker.
func (r *Rebuilder) chunkOf(total int64) int {
	const least = 100
	return min(r.chunk, max(least, int(total/(2*backfillWorkers))))
}

// backfill is the work that its workers share.
type backfill struct {
	*Rebuilder
	lease *lease
	bar   *progress.Bar
	epoch int
	index string
	limit *rate.Limiter
	pace  *pace

	mu       sync.Mutex // guards what follows
	ranges   ranges
	movies   int64
	finished int64 // chunks

	recording sync.Mutex // is taken before mu, and guards what follows
	recorded  int64      // of the finished chunks
}

// work backfills chunk after chunk. A chunk is recorded as done before the next
// one is taken.
func (b *backfill) work(ctx context.Context) error {
	var bulk opensearch.Bulk
	for {
		b.mu.Lock()
		chunk, ok, err := b.ranges.take(ctx)
		b.mu.Unlock()
		if err != nil || !ok {
			return err
		}
		n, err := b.chunk(ctx, &bulk, chunk)
		if err != nil {
			return fmt.Errorf("movies above %d: %w", chunk.After, err)
		}
		if err := b.finish(ctx, chunk, n); err != nil {
			return err
		}
		b.reached("chunk done")
	}
}

// chunk writes the movies of one range.
func (b *backfill) chunk(ctx context.Context, bulk *opensearch.Bulk, chunk span) (n int, err error) {
	version, err := b.stamp(ctx, b.epoch)
	if err != nil {
		return 0, err
	}
	movies, err := b.source.Between(ctx, chunk.After, chunk.Through)
	if err != nil {
		return 0, err
	}
	if mutant.On(mutant.StaleChunk) {
		origin, _ := b.history.Position(ctx)
		version, _ = movie.NewVersion(b.epoch, origin.WALEnd)
	}
	b.reached("chunk read")
	for part := range slices.Chunk(movies, b.pace.request()) {
		if err := b.send(ctx, bulk, version, part); err != nil {
			return 0, err
		}
	}
	return len(movies), nil
}

// send writes some movies when the pace allows it.
func (b *backfill) send(ctx context.Context, bulk *opensearch.Bulk, version movie.Version, movies []movie.Movie) error {
	bulk.Reset()
	for i := range movies {
		if err := bulk.Index(movies[i].ID, version, mappings.Project(movies[i])); err != nil {
			return err
		}
	}
	if err := b.limit.WaitN(ctx, len(movies)); err != nil {
		return err
	}
	if err := b.pace.begin(ctx); err != nil {
		return err
	}
	began := time.Now()
	poison, err := b.write(ctx, b.index, bulk, b.pace.slower)
	b.pace.end(time.Since(began))
	if err != nil {
		return err
	}
	return b.park(ctx, b.index, version, movies, poison)
}

// finish records that a chunk is done. The record waits in the cluster behind
// requests full of movies, so workers that have finished meanwhile share the next
// one, and nobody who wants a chunk waits for it.
func (b *backfill) finish(ctx context.Context, chunk span, n int) error {
	b.mu.Lock()
	b.ranges.finish(chunk)
	b.movies += int64(n)
	b.finished++
	mine := b.finished
	b.bar.Set(b.movies, 0)
	b.mu.Unlock()
	b.recording.Lock()
	defer b.recording.Unlock()
	if b.recorded >= mine {
		return nil
	}
	var covers int64
	err := b.lease.update(ctx, func(s *record) {
		b.mu.Lock()
		defer b.mu.Unlock()
		covers = b.finished
		s.Run.Next, s.Run.Exhausted = b.ranges.next, b.ranges.exhausted
		s.Run.Pending = b.ranges.open()
		s.Run.Movies = b.movies
	})
	if err == nil {
		b.recorded = covers
	}
	return err
}

// ranges cuts the ids into chunks and remembers which are not finished.
type ranges struct {
	source    Source
	size      int
	next      int64
	exhausted bool
	again     []span // unfinished by an earlier process
	taken     []span
}

// take gives the next chunk; ok is false when there is none.
func (x *ranges) take(ctx context.Context) (chunk span, ok bool, err error) {
	switch {
	case len(x.again) > 0:
		chunk, x.again = x.again[0], x.again[1:]
	case x.exhausted:
		return span{}, false, nil
	default:
		through, more, err := x.source.Boundary(ctx, x.next, x.size)
		if err != nil {
			return span{}, false, err
		}
		if !more {
			through, x.exhausted = math.MaxInt64, true
		}
		chunk, x.next = span{x.next, through}, through
	}
	x.taken = append(x.taken, chunk)
	return chunk, true, nil
}

func (x *ranges) finish(chunk span) {
	x.taken = slices.DeleteFunc(x.taken, func(s span) bool { return s == chunk })
}

// open are the chunks before next that are not finished.
func (x *ranges) open() []span { return slices.Concat(x.again, x.taken) }
