//go:build bench

package relay_test

import (
	"testing"
	"time"
)

// TestBenchRelay measures a backlog of whole movies from the WAL to Kafka.
func TestBenchRelay(t *testing.T) {
	r := newRig(t)
	first := r.start() // makes the slot
	r.confirmed()
	first.stop()
	const movies = 100_000
	r.exec("INSERT INTO people (name) SELECT 'Person ' || n FROM generate_series(1, 20000) n")
	r.exec("INSERT INTO genres (name) SELECT 'Genre ' || n FROM generate_series(1, 20) n")
	for from := 1; from < movies; from += 5000 {
		r.exec(`WITH m AS (INSERT INTO movies (title, year, overview) SELECT 'Movie ' || n, 1900 + n % 120, repeat('words of an overview ', 15)
			FROM generate_series($1::int, $1::int + 4999) n RETURNING id),
			c AS (INSERT INTO credits (movie_id, person_id, position) SELECT id, 1 + (id * 7 + p) % 20000, p FROM m, generate_series(1, 8) p)
			INSERT INTO movie_genres (movie_id, genre_id, position) SELECT id, 1 + (id + p) % 20, p FROM m, generate_series(1, 2) p`, from)
	}
	r.exec("ANALYZE")
	began := time.Now()
	r.start()
	r.confirmed()
	took := time.Since(began).Seconds()
	t.Logf("relay backlog: %d movies in %.1f s: %.0f/s", movies, took, movies/took)
}
