package mappings_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"movies/internal/movie"
	"movies/mappings"
)

// full has every field set, so that omitempty hides none.
func full() movie.Movie {
	return movie.Movie{
		ID: 1, IMDbID: "tt0000001", Title: "a", OriginalTitle: "b", Akas: []string{"c"}, Year: 1999,
		ReleaseDate: time.DateOnly, Runtime: 1, Genres: []string{"d"}, Languages: []string{"e"}, Countries: []string{"f"},
		Keywords: []string{"g"}, Overview: "h", Directors: []string{"i"}, Cast: []string{"j"}, Characters: []string{"k"},
		Rating: 1, Votes: 1, Popularity: 1, PosterURL: "l", Adult: true, Revision: 1,
		People: []movie.Credit{{ID: 1, Name: "j", Role: movie.RoleCast}},
	}
}

type body struct {
	Settings struct {
		Index map[string]any `json:"index"`
	} `json:"settings"`
	Mappings struct {
		Meta struct {
			Version int `json:"version"`
		} `json:"_meta"`
		Properties map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"properties"`
	} `json:"mappings"`
}

func indexBody(t *testing.T) body {
	t.Helper()
	raw, err := mappings.Index(mappings.Options{Shards: 3, Replicas: 2})
	if err != nil {
		t.Fatal(err)
	}
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryFieldOfTheDocumentIsMapped(t *testing.T) {
	raw, err := json.Marshal(mappings.Project(full()))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc) != 23 {
		t.Errorf("the document has %d fields, the test expects 23: is a new field set in full()?", len(doc))
	}
	props := indexBody(t).Mappings.Properties
	for name := range doc {
		if _, ok := props[name]; !ok {
			t.Errorf("field %q of the document is not mapped", name)
		}
	}
	credit := doc["people"].([]any)[0].(map[string]any)
	for name := range credit {
		if _, ok := props["people"].Properties[name]; !ok {
			t.Errorf("field people.%s of the document is not mapped, only %v", name, slices.Collect(maps.Keys(props["people"].Properties)))
		}
	}
}

func TestProjectKeepsTheMovie(t *testing.T) {
	want, _ := json.Marshal(full())
	got, _ := json.Marshal(mappings.Project(full()))
	if string(got) != string(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIndexCarriesVersionAndOptions(t *testing.T) {
	b := indexBody(t)
	if b.Mappings.Meta.Version != mappings.Version {
		t.Errorf("_meta.version is %d, Version is %d", b.Mappings.Meta.Version, mappings.Version)
	}
	if s := b.Settings.Index; s["number_of_shards"] != 3.0 || s["number_of_replicas"] != 2.0 {
		t.Errorf("got %v shards and %v replicas, want 3 and 2", s["number_of_shards"], s["number_of_replicas"])
	}
	if _, err := mappings.Index(mappings.Options{}); err == nil {
		t.Error("an index without shards was accepted")
	}
}
