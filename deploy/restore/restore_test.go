//go:build restore

package restore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/sample"
)

// questions are asked before the loss and after the restore; beside them the whole
// catalogue is walked by its cursor.
var questions = []string{
	"/v1/movies?q=kurosawa&facets=genre,decade&highlight=true",
	"/v1/movies?q=spirted+away",
	"/v1/movies?q=sen+and+chihiro",
	"/v1/movies?q=written+after+the+backup",
	"/v1/movies?q=love&genre=drama&year=1990..2009&facets=language,country",
	"/v1/movies?q=%22seven+samurai%22",
	"/v1/movies?genre=horror&genre=comedy&genre_mode=all&sort=rating",
	"/v1/movies?person=Akira+Kurosawa&sort=-year",
	"/v1/movies/2419", "/v1/movies/2419/similar", "/v1/movies?ids=2401,2402,777777",
	"/v1/suggest?q=kuro", "/v1/suggest?q=god", "/v1/people/1",
}

// TestRestore loses everything but the backup.
func TestRestore(t *testing.T) {
	s := open(t)
	s.boot()
	s.archiveWAL()
	s.run("catalog", "migrate")
	catalogue, err := sample.Open()
	check(t, err)
	text, err := io.ReadAll(catalogue)
	check(t, errors.Join(err, catalogue.Close()))
	s.feed(text, "catalog", "import", "jsonl", "-")
	s.startProcesses()
	base := s.baseBackup()

	// What is committed after the base backup is in the archived WAL only.
	s.exec(`UPDATE movies SET title = 'Sen and Chihiro' WHERE id = 2419`)
	s.exec(`DELETE FROM movies WHERE id = 2401`)
	s.exec(`INSERT INTO movies (id, title, year) VALUES (777777, 'Written after the backup', 2026)`)
	s.exec(`INSERT INTO watchlist (subject, movie_id) VALUES ('ada', 2419)`)
	s.exec(`INSERT INTO ratings (subject, movie_id, tenths) VALUES ('ada', 2419, 95)`)
	s.eventually("an index is made of it", func() error { _, err := s.command("reindex", "run"); return err })
	s.startAPI()
	answers, truth := s.answers(), s.run("catalog", "export", "jsonl")
	wal := s.archivedWAL()
	s.stop()
	s.loseEverything()

	s = open(t)
	began := time.Now()
	s.restore(base, wal)
	s.boot()
	s.eventually("Postgres has taken up all of the WAL", func() error { return s.mustBe("SELECT pg_is_in_recovery()::int", 0) })
	if got := s.run("catalog", "export", "jsonl"); !bytes.Equal(got, truth) {
		t.Error("the catalogue differs")
	}
	check(t, s.mustBe("SELECT count(*) FROM watchlist WHERE subject = 'ada'", 1))
	check(t, s.mustBe("SELECT tenths FROM ratings WHERE subject = 'ada'", 95))
	if status := s.status(s.SearchURL + "/_alias/movies"); status != http.StatusNotFound {
		t.Errorf("the index is not lost: %d", status)
	}
	s.startProcesses()
	s.eventually("an index is made of what was restored", func() error { _, err := s.command("reindex", "run"); return err })
	s.eventually("verification finds no difference", func() error { _, err := s.command("reindex", "verify"); return err })
	s.startAPI()
	if diff := cmp.Diff(answers, s.answers()); diff != "" {
		t.Errorf("answers differ (-before +after): %s", diff)
	}
	s.exec(`UPDATE movies SET title = 'Changed after the restore' WHERE id = 777777`)
	s.eventually("changes arrive again", func() error {
		if !strings.Contains(s.get("/v1/movies?q=changed+after+the+restore"), "777777") {
			return errors.New("not found")
		}
		return nil
	})
	t.Logf("restored and searchable after %.0f s", time.Since(began).Seconds())
}

// answers are what people see, without what tells the time.
func (s *system) answers() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, q := range questions {
		out[q] = s.get(q)
	}
	movies := 0
	for next := "/v1/movies?sort=title&limit=100"; next != ""; {
		var page struct {
			Items  []json.RawMessage `json:"items"`
			Cursor string            `json:"next_cursor"`
		}
		text := s.get(next)
		check(s.t, json.Unmarshal([]byte(text), &page))
		movies += len(page.Items)
		out[fmt.Sprintf("page with %d", movies)] = text
		if next = ""; page.Cursor != "" {
			next = "/v1/movies?sort=title&limit=100&cursor=" + page.Cursor
		}
	}
	if movies < 1_000 {
		s.t.Fatalf("only %d movies", movies)
	}
	return out
}

// get asks the api and gives the answer, without took_ms.
func (s *system) get(path string) string {
	s.t.Helper()
	response, err := http.Get(s.api + path)
	check(s.t, err)
	defer func() { _ = response.Body.Close() }()
	var object map[string]any
	if err := json.NewDecoder(response.Body).Decode(&object); err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %v %v", path, response.StatusCode, object, err)
	}
	delete(object, "took_ms")
	text, err := json.Marshal(object)
	check(s.t, err)
	return string(text)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
