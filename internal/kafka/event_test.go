package kafka

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/movie"
)

// fixtures are events as the releases of each schema wrote them. They are never
// rewritten: an event in a topic is not, either.
var fixtures = map[string]movie.Event{
	"v1/upsert-full.json": {
		ID: 603, Op: movie.OpUpsert, Version: 2251799840539664,
		CommittedAt: time.Date(2026, 3, 1, 12, 34, 56, 789012000, time.UTC),
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Movie: &movie.Movie{
			ID: 603, IMDbID: "tt0133093", Title: "The Matrix", OriginalTitle: "The Matrix",
			Akas: []string{"Матрица", "マトリックス"}, Year: 1999, ReleaseDate: "1999-03-31", Runtime: 136,
			Genres: []string{"Action", "Science Fiction"}, Languages: []string{"en"}, Countries: []string{"US", "AU"},
			Keywords:  []string{"simulated reality"},
			Overview:  "A programmer finds out that the world he lives in is computed, and by whom.",
			Directors: []string{"Lana Wachowski", "Lilly Wachowski"}, Cast: []string{"Keanu Reeves", "Carrie-Anne Moss"},
			Characters: []string{"Neo", "Trinity"}, Rating: 8.7, Votes: 2000000, Popularity: 83.25,
			PosterURL: "https://example.org/603.jpg", Adult: true, Revision: 12,
			People: []movie.Credit{
				{ID: 9339, Name: "Lana Wachowski", Role: movie.RoleDirector}, {ID: 9340, Name: "Lilly Wachowski", Role: movie.RoleDirector},
				{ID: 6384, Name: "Keanu Reeves", Role: movie.RoleCast}, {ID: 530, Name: "Carrie-Anne Moss", Role: movie.RoleCast},
			},
		},
	},
	"v1/upsert-least.json":   {ID: 1, Op: movie.OpUpsert, Version: 2251799813685249, Movie: &movie.Movie{ID: 1, Title: "8½"}},
	"v1/delete.json":         {ID: 9007199254740993, Op: movie.OpDelete, Version: 9223372036854775807, CommittedAt: time.Date(2026, 3, 1, 12, 34, 56, 0, time.UTC)},
	"v1/unknown-fields.json": {ID: 2, Op: movie.OpUpsert, Version: 2251799813685250, Movie: &movie.Movie{ID: 2, Title: "Heat"}},
}

func TestEventsOfEveryReleaseAreReadable(t *testing.T) {
	const root = "testdata/events"
	files, err := filepath.Glob(root + "/v*/*.json")
	if err != nil || len(files) != len(fixtures) {
		t.Fatalf("%d fixtures found (%v), %d are known", len(files), err, len(fixtures))
	}
	versions := make(map[string]bool)
	for _, file := range files {
		name := filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))
		versions[filepath.Dir(name)] = true
		want, known := fixtures[name]
		if !known {
			t.Errorf("nothing is known about %s", name)
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEvent(b)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if len(versions) != EventSchema {
		t.Errorf("there are fixtures of %d schemas, the newest is %d", len(versions), EventSchema)
	}
}

func TestNewEventsLookLikeTheNewestFixture(t *testing.T) {
	b, err := EncodeEvent(fixtures["v1/upsert-full.json"])
	if err != nil {
		t.Fatal(err)
	}
	fixture, err := os.ReadFile("testdata/events/v1/upsert-full.json")
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(b, &got), json.Unmarshal(fixture, &want)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the JSON of events has changed; a change that old readers cannot ignore needs a new schema (-fixture +now):\n%s", diff)
	}
}

func TestNewerSchemaIsRefusedByName(t *testing.T) {
	for _, b := range []string{
		`{"schema":2,"id":1,"op":"upsert","version":"5","movie":{"id":1,"title":"x"}}`,
		`{"schema":2,"id":"one","op":["upsert"]}`, // other fields may have other forms
	} {
		_, err := DecodeEvent([]byte(b))
		if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "schema 2") {
			t.Errorf("%s: got %v, want ErrNewerSchema that names schema 2", b, err)
		}
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for _, b := range []string{
		``, `null`, `[]`, `{`, `{"schema":1}`,
		`{"id":1,"op":"upsert","version":"5","movie":{"id":1,"title":"x"}}`,
		`{"schema":0,"id":1,"op":"upsert","version":"5","movie":{"id":1,"title":"x"}}`,
		`{"schema":1,"id":0,"op":"delete","version":"5"}`,
		`{"schema":1,"id":1,"op":"delete","version":5}`,
		`{"schema":1,"id":1,"op":"delete","version":"0"}`,
		`{"schema":1,"id":1,"op":"delete","version":"-5"}`,
		`{"schema":1,"id":1,"op":"delete"}`,
		`{"schema":1,"id":1,"op":"delete","version":"5","movie":{"id":1,"title":"x"}}`,
		`{"schema":1,"id":1,"op":"upsert","version":"5"}`,
		`{"schema":1,"id":1,"op":"upsert","version":"5","movie":{"id":2,"title":"x"}}`,
		`{"schema":1,"id":1,"op":"patch","version":"5","movie":{"id":1,"title":"x"}}`,
		`{"schema":1,"id":1,"op":"delete","version":"5"} {}`,
	} {
		if e, err := DecodeEvent([]byte(b)); err == nil || errors.Is(err, ErrNewerSchema) {
			t.Errorf("%s: got %+v, %v, want another error", b, e, err)
		}
	}
}

func TestEventsSurviveTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyEvent(t)
		b, err := EncodeEvent(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEvent(b)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func anyEvent(t *rapid.T) movie.Event {
	text := rapid.StringMatching(`\PC{1,20}`)
	texts := rapid.Custom(func(t *rapid.T) []string {
		if l := rapid.SliceOfN(text, 0, 3).Draw(t, "list"); len(l) > 0 {
			return l
		}
		return nil
	})
	e := movie.Event{
		ID:          rapid.Int64Range(1, 1<<62).Draw(t, "id"),
		Op:          movie.OpDelete,
		Version:     movie.Version(rapid.Int64Range(1, 1<<63-1).Draw(t, "version")),
		TraceParent: rapid.SampledFrom([]string{"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}).Draw(t, "trace"),
	}
	if micros := rapid.Int64Range(0, 1<<52).Draw(t, "at"); micros > 0 {
		e.CommittedAt = time.UnixMicro(micros).UTC()
	}
	if rapid.Bool().Draw(t, "upsert") {
		e.Op = movie.OpUpsert
		e.Movie = &movie.Movie{
			ID: e.ID, Title: text.Draw(t, "title"), Akas: texts.Draw(t, "akas"), Cast: texts.Draw(t, "cast"),
			Year: rapid.IntRange(0, 2100).Draw(t, "year"), Rating: rapid.Float64Range(0, 10).Draw(t, "rating"),
			Popularity: rapid.Float64Range(0, 1e12).Draw(t, "popularity"), Adult: rapid.Bool().Draw(t, "adult"),
			Overview: text.Draw(t, "overview"), Revision: rapid.Int64Range(0, 1<<62).Draw(t, "revision"),
		}
	}
	return e
}

func FuzzDecodeEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/events/v*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEvent(b)
		if err != nil {
			return
		}
		again, err := EncodeEvent(e)
		if err != nil {
			t.Fatalf("%+v was decoded and cannot be encoded: %v", e, err)
		}
		if back, err := DecodeEvent(again); err != nil || back.ID != e.ID || back.Version != e.Version || back.Op != e.Op {
			t.Fatalf("%+v came back as %+v, %v", e, back, err)
		}
	})
}
