package rank_test

import (
	"bufio"
	"encoding/json"
	"testing"

	"movies/internal/movie"
	"movies/internal/sample"
	"movies/search/query"
	"movies/search/rank"
)

func sampleCandidates(tb testing.TB, n int) []rank.Candidate {
	r, err := sample.Open()
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var out []rank.Candidate
	for lines.Scan() && len(out) < n {
		var m movie.Movie
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			tb.Fatal(err)
		}
		out = append(out, rank.Candidate{Movie: &m, Score: float64(n - len(out)), Parts: map[string]float64{"w00": 3, "w01": 2, "title": 4}})
	}
	return out
}

func BenchmarkOrder(b *testing.B) {
	candidates := sampleCandidates(b, 100)
	q := query.Parse("seven samurai kurosawa 1954")
	b.ReportAllocs()
	for b.Loop() {
		rank.Order(q, candidates)
	}
}
