package rebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

const (
	// bucketBits: a digest covers 64 consecutive ids, few enough to be read again
	// one by one when it differs.
	bucketBits = 6
	bucketSize = 1 << bucketBits
	// scanPage is how many documents are read from the index at once.
	scanPage = 1000
	// Readers on either side of a comparison.
	databaseReaders = 2
	indexReaders    = 2
)

// digests sums up two sides by ranges of ids: what the database holds is added,
// what the index holds is taken away. A range that is the same on both sides
// comes to zero; one that is not does so once in 2^64 times. It is safe for
// concurrent use.
type digests struct {
	seed maphash.Seed

	mu     sync.Mutex
	sums   map[int64]uint64
	strays []opensearch.Stored // documents that no movie's change can have made
	ahead  []int64             // with versions above the ceiling
}

func newDigests() *digests {
	return &digests{seed: maphash.MakeSeed(), sums: make(map[int64]uint64)}
}

// hash is that of one document: its id and the bytes of its JSON.
func (d *digests) hash(id int64, source []byte) uint64 {
	h := maphash.Bytes(d.seed, source)
	return maphash.Comparable(d.seed, [2]uint64{uint64(id), h})
}

// add merges sums that were made without the lock.
func (d *digests) add(sums map[int64]uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for bucket, sum := range sums {
		if sum += d.sums[bucket]; sum != 0 {
			d.sums[bucket] = sum
		} else {
			delete(d.sums, bucket)
		}
	}
}

// differing are the ranges that do not come to zero.
func (d *digests) differing() []int64 {
	buckets := make([]int64, 0, len(d.sums))
	for bucket := range d.sums {
		buckets = append(buckets, bucket)
	}
	return buckets
}

// encoder makes the JSON of movies as it is sent to the engine.
type encoder struct {
	buffer  bytes.Buffer
	encoder *json.Encoder
}

// encode gives the JSON, valid until the next call.
func (e *encoder) encode(m *movie.Movie) ([]byte, error) {
	if e.encoder == nil {
		e.encoder = json.NewEncoder(&e.buffer)
		e.encoder.SetEscapeHTML(false)
	}
	e.buffer.Reset()
	if err := e.encoder.Encode(mappings.Project(*m)); err != nil {
		return nil, fmt.Errorf("movie %d: %w", m.ID, err)
	}
	return bytes.TrimSuffix(e.buffer.Bytes(), []byte{'\n'}), nil
}

// counts are how much a comparison has read.
type counts struct{ movies, documents int64 }

// sum reads both sides whole, at the same time, and sums them up.
func (r *Rebuilder) sum(ctx context.Context, index string, each func(done int64)) (*digests, counts, error) {
	d := newDigests()
	ceiling, err := r.ceiling(ctx)
	if err != nil {
		return nil, counts{}, err
	}
	var mu sync.Mutex
	var n counts
	count := func(movies, documents int) {
		mu.Lock()
		defer mu.Unlock()
		n.movies += int64(movies)
		n.documents += int64(documents)
		each(n.movies + n.documents)
	}
	g, ctx := errgroup.WithContext(ctx)
	queue := &queue{ranges: ranges{source: r.source, size: r.chunk}}
	for range databaseReaders {
		g.Go(func() error { return r.sumDatabase(ctx, d, queue, count) })
	}
	for slice := range indexReaders {
		g.Go(func() error {
			return r.engine.Scan(ctx, index, slice, indexReaders, scanPage, func(page []opensearch.Stored) error {
				d.takeAway(page, ceiling)
				count(0, len(page))
				return nil
			})
		})
	}
	err = g.Wait()
	return d, n, err
}

func (r *Rebuilder) sumDatabase(ctx context.Context, d *digests, queue *queue, count func(movies, documents int)) error {
	var e encoder
	for {
		chunk, ok, err := queue.take(ctx)
		if err != nil || !ok {
			return err
		}
		movies, err := r.source.Between(ctx, chunk.After, chunk.Through)
		if err != nil {
			return err
		}
		sums := make(map[int64]uint64)
		for i := range movies {
			source, err := e.encode(&movies[i])
			if err != nil {
				return err
			}
			sums[movies[i].ID>>bucketBits] += d.hash(movies[i].ID, source)
		}
		d.add(sums)
		count(len(movies), 0)
	}
}

// takeAway sums up what the index holds. Changes are not routed, so a document
// that is lies where none of them comes to.
func (d *digests) takeAway(page []opensearch.Stored, ceiling movie.Version) {
	sums := make(map[int64]uint64)
	var strays []opensearch.Stored
	var ahead []int64
	for _, document := range page {
		id, ok := movieID(document.ID)
		if !ok || document.Routing != "" {
			document.Source = nil
			strays = append(strays, document)
			continue
		}
		if document.Version > ceiling {
			ahead = append(ahead, id)
		}
		sums[id>>bucketBits] -= d.hash(id, document.Source)
	}
	d.add(sums)
	if len(strays)+len(ahead) > 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.strays, d.ahead = append(d.strays, strays...), append(d.ahead, ahead...)
	}
}

// movieID reads an engine id in the only form in which a movie has one.
func movieID(s string) (int64, bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == s
}

// queue shares ranges out among readers.
type queue struct {
	mu     sync.Mutex
	ranges ranges
}

func (q *queue) take(ctx context.Context) (span, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	chunk, ok, err := q.ranges.take(ctx)
	q.ranges.finish(chunk)
	return chunk, ok, err
}

// narrow finds the ids of a range that differ, by reading it again one by one.
func (r *Rebuilder) narrow(ctx context.Context, index string, bucket int64) ([]int64, error) {
	first := bucket << bucketBits
	last := first + (bucketSize - 1)
	ids := make([]int64, 0, bucketSize)
	for id := max(first, 1); ; id++ {
		ids = append(ids, id)
		if id == last || id == math.MaxInt64 {
			break
		}
	}
	pairs, err := r.pairs(ctx, index, ids)
	if err != nil {
		return nil, err
	}
	var differing []int64
	for _, id := range ids {
		if pair := pairs[id]; !pair.same() {
			differing = append(differing, id)
		}
	}
	return differing, nil
}
