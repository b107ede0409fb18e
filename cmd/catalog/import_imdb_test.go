package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
)

// knownToIMDb are the movies of an export without the fields that IMDb's format
// does not have and without ids, which IMDb does not know.
func knownToIMDb(t *testing.T, export string) map[string]movie.Movie {
	t.Helper()
	movies := map[string]movie.Movie{}
	for line := range strings.Lines(export) {
		var m movie.Movie
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		m.ID, m.ReleaseDate, m.Overview, m.Popularity, m.PosterURL = 0, "", "", 0, ""
		m.Languages, m.Countries, m.Keywords, m.People = nil, nil, nil, nil
		movies[m.IMDbID] = m
	}
	return movies
}

// The two ways of a catalogue into Postgres, IMDb's format and JSONL, lead to the
// same movies, and then the one changes nothing behind the other.
func TestIMDbFormatAndJSONLAgree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "imdb")
	expect(t, "generate", call(t, "generate", "--movies=2500", "--seed=9", "--format=imdb", "--out", dir), 0, "imdb: 2,500 movies\n", "2,500 of 2,500 movies")
	fromIMDb, fromJSONL := newDatabase(t), newDatabase(t)
	expect(t, "import imdb", call(t, fromIMDb, "import", "imdb", dir), 0, "2,500 new, 0 changed, 0 as before, 0 rejected", "2,500 of 2,500 movies, 100 %")
	expect(t, "generate", call(t, fromJSONL, "generate", "--movies=2500", "--seed=9"), 0, "2,500 new", "")

	exported := call(t, fromJSONL, "export", "jsonl").stdout
	want := knownToIMDb(t, exported)
	if diff := cmp.Diff(want, knownToIMDb(t, call(t, fromIMDb, "export", "jsonl").stdout)); diff != "" || len(want) != 2_500 {
		t.Errorf("%d movies; %s", len(want), diff)
	}
	expect(t, "again", call(t, fromIMDb, "import", "imdb", "--again", dir), 0, "0 new, 0 changed, 2,500 as before, 0 rejected", "")
	expect(t, "over JSONL", call(t, fromJSONL, "import", "imdb", dir), 0, "0 new, 0 changed, 2,500 as before, 0 rejected", "")
	if diff := cmp.Diff(exported, call(t, fromJSONL, "export", "jsonl").stdout); diff != "" {
		t.Errorf("the import of the same from IMDb changed: %s", diff)
	}
}

func TestImportIMDbFiltersAndTells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	call(t, "generate", "--movies=100", "--seed=9", "--format=imdb", "--out", dir)
	url := newDatabase(t)
	expect(t, "tvMovie only", call(t, url, "import", "imdb", dir, "--types=tvMovie"), 0, "5 new, 0 changed, 0 as before, 0 rejected", "")
	expect(t, "the others", call(t, url, "import", "imdb", dir), 0, "95 new, 0 changed, 5 as before", "")
	expect(t, "once more", call(t, url, "import", "imdb", dir), 0, "already imported", "")

	ratings := filepath.Join(dir, "title.ratings.tsv.gz")
	if err := os.WriteFile(ratings, []byte("tconst\taverageRating\tnumVotes\ntt9000000003\tgood\t7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "a bad line", call(t, url, "import", "imdb", dir), 1, "1 rejected", "title.ratings.tsv.gz:2: averageRating must be from 0 to 10")
	if err := os.Remove(ratings); err != nil {
		t.Fatal(err)
	}
	expect(t, "a missing file", call(t, url, "import", "imdb", dir), 1, "", "title.ratings.tsv.gz: no such file or directory")
	expect(t, "no folder", call(t, "generate", "--movies=1", "--seed=1", "--format=imdb"), 2, "", "--out must name a folder")
}
