//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/deploy/bench/workload"
	"movies/internal/generate"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
)

// fillReference lays the same movies out as the references want them, in a
// database of their own.
func (s *stage) fillReference() {
	s.t.Helper()
	begin := time.Now()
	ctx := s.t.Context()
	s.referenceURL = stacktest.Postgres(s.t)
	var err error
	s.reference, err = pgxpool.New(ctx, s.referenceURL)
	check(s.t, err)
	s.t.Cleanup(s.reference.Close)
	s.execute("reference/schema.sql")
	generator := generate.New(s.seed)
	people := map[int64]movie.Credit{}
	films := map[int64]int{}
	row := int64(0)
	_, err = s.reference.CopyFrom(ctx, pgx.Identifier{"ref_movies"},
		[]string{"id", "imdb_id", "title", "year", "rating", "votes", "popularity", "adult", "genres", "languages", "countries", "people", "body", "names", "doc"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if row == s.movies {
				return nil, nil
			}
			m := generator.Movie(row)
			row++
			for _, p := range m.People {
				people[p.ID] = p
				films[p.ID]++
			}
			return referenceRow(m)
		}))
	check(s.t, err)
	_, err = s.reference.CopyFrom(ctx, pgx.Identifier{"ref_people"}, []string{"id", "name", "lower", "movies"}, peopleRows(people, films))
	check(s.t, err)
	s.execute("reference/indexes.sql")
	fmt.Printf("laid the movies out for the references in %.0f s\n", time.Since(begin).Seconds())
}

func referenceRow(m movie.Movie) ([]any, error) {
	m.Revision = 1
	doc, err := json.Marshal(m)
	names := make([]string, 0, len(m.People))
	for _, p := range m.People {
		names = append(names, p.Name)
	}
	var year, rating any
	if m.Year != 0 {
		year = m.Year
	}
	if m.Rating != 0 {
		rating = m.Rating
	}
	body := strings.Join(append(append([]string{m.OriginalTitle, m.Overview}, m.Akas...), m.Keywords...), " ")
	return []any{m.ID, m.IMDbID, strings.ToLower(m.Title), year, rating, m.Votes, m.Popularity, m.Adult,
		lower(m.Genres), lower(m.Languages), lower(m.Countries), lower(names), body, strings.Join(names, " "), string(doc)}, err
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

func peopleRows(people map[int64]movie.Credit, films map[int64]int) pgx.CopyFromSource {
	rows := make([][]any, 0, len(people))
	for id, p := range people {
		rows = append(rows, []any{id, p.Name, strings.ToLower(p.Name), films[id]})
	}
	return pgx.CopyFromRows(rows)
}

// execute runs the statements of a file one by one: VACUUM wants no transaction.
func (s *stage) execute(file string) {
	s.t.Helper()
	statements, err := os.ReadFile(file)
	check(s.t, err)
	for statement := range strings.SplitSeq(string(statements), ";\n") {
		if _, err := s.reference.Exec(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v in %s", file, err, statement)
		}
	}
}

// updateReference is updateCatalogue for the references' table.
func (s *stage) updateReference(ctx context.Context) error {
	_, err := s.reference.Exec(ctx, `UPDATE ref_movies SET votes = votes + 1 WHERE id = $1`, generate.FirstID+s.random.Int64N(s.movies))
	return err
}

func (s *stage) startPostgresReference() (address string, end func()) {
	s.t.Helper()
	address = freeAddress(s.t)
	cmd := s.launch(s.command("postgres", "--addr", address, "--database-url", s.referenceURL))
	s.untilReady(address)
	return address, func() { stop(cmd) }
}

// startFastAPI starts a worker for each core.
func (s *stage) startFastAPI() (address string, end func()) {
	s.t.Helper()
	address = freeAddress(s.t)
	host, port, _ := strings.Cut(address, ":")
	uvicorn := os.Getenv("UVICORN")
	if uvicorn == "" {
		s.t.Fatal("UVICORN is not set: run make bench-anonymous, which installs it")
	}
	cmd := s.command(uvicorn, "app:app", "--app-dir", "reference/fastapi", "--host", host, "--port", port,
		"--workers", "2", "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools")
	s.launch(cmd, "DATABASE_URL="+s.referenceURL, "REDIS_URL="+os.Getenv("TEST_REDIS_URL"))
	s.untilReady(address)
	return address, func() { stop(cmd) }
}

// TestReferencesAnswer: both answer every kind of question, and the same.
func TestReferencesAnswer(t *testing.T) {
	s := newStage(t, settings{movies: 2_000, seed: 1})
	s.fillReference()
	postgres, _ := s.startPostgresReference()
	fastapi, _ := s.startFastAPI()
	questions, err := workload.New(workload.Options{Movies: s.movies, Seed: s.seed, Questions: 2_000, Unique: 0.3})
	check(t, err)
	stream, found := questions.Stream(0), 0
	for range 500 {
		path := stream.Next().Path
		a, b := s.get(postgres, path), s.get(fastapi, path)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("%s: %s", path, diff)
		}
		if items, _ := a["items"].([]any); len(items) > 0 || a["id"] != nil {
			found++
		}
	}
	if found < 400 {
		t.Errorf("of 500 questions only %d found anything", found)
	}
	check(t, s.updateReference(t.Context()))
}

func (s *stage) get(address, path string) (answer map[string]any) {
	s.t.Helper()
	response, err := http.Get("http://" + address + path)
	check(s.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	check(s.t, err)
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s%s: %s %.300s", address, path, response.Status, body)
	}
	check(s.t, json.Unmarshal(body, &answer))
	return answer
}
