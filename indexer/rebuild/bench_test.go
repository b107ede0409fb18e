//go:build bench

package rebuild

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/mappings"
	"movies/search/opensearch"
)

// benchMovies is how many movies a benchmark uses; BENCH_MOVIES changes it.
func benchMovies(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("BENCH_MOVIES"))
	if err != nil {
		return 10_000
	}
	return n
}

// catalogue fills the database with movies of about 900 bytes.
func (e *env) catalogue(movies int) {
	e.Helper()
	e.exec("INSERT INTO people (name) SELECT 'Person ' || n FROM generate_series(1, 20000) n")
	e.exec("INSERT INTO genres (name) SELECT 'Genre ' || n FROM generate_series(1, 20) n")
	for from := 1; from < movies; from += 1000 {
		e.exec(`WITH m AS (INSERT INTO movies (title, year, popularity, overview)
				SELECT 'Movie ' || n, 1900 + n % 120, n % 977, repeat('words of an overview ' || n % 1000 || ' ', 12)
				FROM generate_series($1::int, $1::int + 999) n RETURNING id),
			c AS (INSERT INTO credits (movie_id, person_id, position) SELECT id, 1 + (id * 7 + p) % 20000, p FROM m, generate_series(1, 8) p)
			INSERT INTO movie_genres (movie_id, genre_id, position) SELECT id, 1 + (id + p) % 20, p FROM m, generate_series(1, 2) p`, from)
	}
	e.exec("ANALYZE")
}

// TestBenchRebuild measures a whole rebuild up to its verification beside raw
// _bulk of the same documents, encoded before the clock starts, in requests of
// the same size, as many at once, into an index of the same settings; and the
// verification beside a plain scan of _source and a plain COPY.
func TestBenchRebuild(t *testing.T) {
	e := newEnv(t)
	movies := benchMovies(t)
	e.catalogue(movies)
	e.rebuilt(1000) // so that nobody is measured cold
	e.rawBulk()

	ours := e.rebuilt(chunkMovies)
	reference := e.rawBulk()
	fmt.Printf("rebuild ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours, reference, ours/reference)

	index := e.reading()
	verified, scanned, copied := e.verified(index), e.scanned(index), e.copied(movies)
	slower := math.Min(scanned, copied)
	fmt.Printf("verify ours=%.0f/s reference=%.0f/s ratio=%.2f (scan %.0f/s, COPY %.0f/s)\n", verified, slower, verified/slower, scanned, copied)
}

// rebuilt gives the movies a second of a rebuild, from its first act to where
// verification begins, and retires the index that it replaced.
func (e *env) rebuilt(chunk int) float64 {
	e.Helper()
	r := e.rebuilder("bench")
	r.chunk = chunk
	began, seconds := time.Now(), 0.0
	r.reached = func(at string) {
		if at == "begin verify" {
			seconds = time.Since(began).Seconds()
		}
	}
	s, err := r.Run(e.Context(), defaults)
	e.check(err)
	e.Logf("seconds: %v", s.Phases)
	if s.Previous != "" {
		_, err := r.Finalize(e.Context())
		e.check(err)
	}
	return float64(s.Movies) / seconds
}

// rawBulk gives the documents a second of _bulk alone.
func (e *env) rawBulk() float64 {
	e.Helper()
	index := e.indices + "raw"
	body, err := mappings.Index(mappings.Options{Shards: 1})
	e.check(err)
	e.check(e.engine.CreateIndex(e.Context(), index, body, opensearch.Facts{}))
	e.check(e.engine.PutSettings(e.Context(), index, loadSettings))
	var bulks []*opensearch.Bulk
	n := 0
	for x := (ranges{source: e.catalog, size: chunkMovies}); ; {
		chunk, ok, err := x.take(e.Context())
		e.check(err)
		if !ok {
			break
		}
		movies, err := e.catalog.Between(e.Context(), chunk.After, chunk.Through)
		e.check(err)
		bulk := &opensearch.Bulk{}
		for i := range movies {
			e.check(bulk.Index(movies[i].ID, 1, mappings.Project(movies[i])))
		}
		bulks = append(bulks, bulk)
		n += len(movies)
	}
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(backfillWorkers)
	for _, bulk := range bulks {
		g.Go(func() error {
			for _, result := range e.engine.Bulk(e.Context(), index, bulk) {
				if result.Outcome != opensearch.Done {
					return fmt.Errorf("not written: %+v", result)
				}
			}
			return nil
		})
	}
	e.check(g.Wait())
	e.check(e.engine.Refresh(e.Context(), index))
	seconds := time.Since(began).Seconds()
	e.check(e.engine.DeleteIndex(e.Context(), index))
	return float64(n) / seconds
}

func (e *env) verified(index string) float64 {
	e.Helper()
	r := e.rebuilder("bench")
	r.chunk = chunkMovies
	v, err := r.Verify(e.Context(), index)
	e.check(err)
	return float64(v.Movies) / v.Seconds
}

// scanned gives the documents a second of reading _source, and nothing else.
func (e *env) scanned(index string) float64 {
	e.Helper()
	var mu sync.Mutex
	n := 0
	began := time.Now()
	g, ctx := errgroup.WithContext(e.Context())
	for slice := range indexReaders {
		g.Go(func() error {
			return e.engine.Scan(ctx, index, slice, indexReaders, scanPage, func(page []opensearch.Stored) error {
				mu.Lock()
				defer mu.Unlock()
				n += len(page)
				return nil
			})
		})
	}
	e.check(g.Wait())
	return float64(n) / time.Since(began).Seconds()
}

// copied gives the movies a second of COPY of the tables they are made of.
func (e *env) copied(movies int) float64 {
	e.Helper()
	conn, err := e.sql.Acquire(e.Context())
	e.check(err)
	defer conn.Release()
	began := time.Now()
	for _, table := range []string{"movies", "credits", "people", "movie_genres", "genres", "movie_keywords", "keywords", "akas"} {
		_, err := conn.Conn().PgConn().CopyTo(context.WithoutCancel(e.Context()), io.Discard, "COPY "+table+" TO STDOUT")
		e.check(err)
	}
	return float64(movies) / time.Since(began).Seconds()
}
