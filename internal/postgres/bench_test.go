//go:build bench

package postgres_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/generate"
	"movies/internal/postgres"
)

const (
	benchMovies = 40_000
	benchRounds = 3
)

// TestBenchImportIMDb measures the import of IMDb's files into an empty catalogue
// beside a bare COPY of the rows it makes into the same tables, with their
// constraints, indexes and triggers, from memory.
func TestBenchImportIMDb(t *testing.T) {
	dir := t.TempDir()
	if err := generate.New(1).WriteIMDb(t.Context(), dir, benchMovies, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	var ours, reference []float64
	var rows []copied
	for round := range benchRounds {
		c, conn := newCatalog(t)
		start := time.Now()
		if r := importIMDb(t.Context(), t, c, dir, postgres.ImportOptions{}); r.err != nil || r.Created != benchMovies*19/20 {
			t.Fatal(r, r.err)
		}
		ours = append(ours, benchMovies*19/20/time.Since(start).Seconds())
		if rows == nil {
			rows = copyOut(t, conn)
		}
		_, empty := newCatalog(t)
		start = time.Now()
		copyIn(t, empty, rows)
		reference = append(reference, benchMovies*19/20/time.Since(start).Seconds())
		t.Logf("round %d: ours %.0f movies/s, reference %.0f movies/s", round+1, ours[round], reference[round])
	}
	o, r := median(ours), median(reference)
	fmt.Printf("import-imdb ours=%.0f/s reference=%.0f/s ratio=%.2f\n", o, r, o/r)
}

// copied is the rows of a table as COPY has them.
type copied struct {
	table string
	rows  []byte
}

func copyOut(t *testing.T, conn *pgx.Conn) (all []copied) {
	t.Helper()
	for _, table := range []string{"people", "genres", "movies", "credits", "akas", "movie_genres"} {
		var b bytes.Buffer
		if _, err := conn.PgConn().CopyTo(t.Context(), &b, "COPY "+table+" TO STDOUT (FORMAT binary)"); err != nil {
			t.Fatal(err)
		}
		all = append(all, copied{table, b.Bytes()})
	}
	return all
}

func copyIn(t *testing.T, conn *pgx.Conn, all []copied) {
	t.Helper()
	exec(t, conn, "BEGIN") // one transaction, as movies written by another would get a new revision
	for _, c := range all {
		if _, err := conn.PgConn().CopyFrom(t.Context(), bytes.NewReader(c.rows), "COPY "+c.table+" FROM STDIN (FORMAT binary)"); err != nil {
			t.Fatalf("%s: %v", c.table, err)
		}
	}
	exec(t, conn, "COMMIT")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
