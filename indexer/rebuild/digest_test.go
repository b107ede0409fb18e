package rebuild

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"movies/search/opensearch"
)

// TestOneCorruptedDocumentAmongMillions sums up both sides, each in its own order
// and pages, and one document differs in one byte, is missing or is too much.
func TestOneCorruptedDocumentAmongMillions(t *testing.T) {
	const documents, page = 1_000_000, 1000
	r := rand.New(rand.NewPCG(1, 2))
	source := func(id int64) []byte { return fmt.Appendf(nil, `{"id":%d,"title":"Movie %d"}`, id, id*7) }
	pages := r.Perm(documents / page)
	for name, tampered := range map[string]func(id int64, d *opensearch.Stored) bool{
		"nothing":   func(int64, *opensearch.Stored) bool { return true },
		"corrupted": func(_ int64, d *opensearch.Stored) bool { d.Source[len(d.Source)-3] ^= 1; return true },
		"missing":   func(int64, *opensearch.Stored) bool { return false },
		"orphan":    func(_ int64, d *opensearch.Stored) bool { d.ID = fmt.Sprint(documents + 5); return true },
	} {
		d := newDigests()
		at := 1 + r.Int64N(documents)
		for _, p := range pages {
			stored := make([]opensearch.Stored, 0, page)
			for id := int64(p*page + 1); id <= int64((p+1)*page); id++ {
				x := opensearch.Stored{ID: fmt.Sprint(id), Version: 1, Source: source(id)}
				if id != at || tampered(id, &x) {
					stored = append(stored, x)
				}
			}
			d.takeAway(stored, math.MaxInt64)
		}
		for from := int64(1); from <= documents; from += page {
			sums := make(map[int64]uint64)
			for id := from; id < from+page; id++ {
				sums[id>>bucketBits] += d.hash(id, source(id))
			}
			d.add(sums)
		}
		var want []int64
		switch name {
		case "orphan":
			want = []int64{at >> bucketBits, (documents + 5) >> bucketBits}
		case "corrupted", "missing":
			want = []int64{at >> bucketBits}
		}
		found := d.differing()
		slices.Sort(found)
		if !slices.Equal(found, want) || len(d.strays)+len(d.ahead) > 0 {
			t.Errorf("%s: ranges %v differ, want %v", name, found, want)
		}
	}
}
