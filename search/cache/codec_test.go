package cache

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
	"movies/search"
)

var update = flag.Bool("update", false, "write the golden values anew, after a raise of codecVersion")

// full has something in every field.
func full() search.Item {
	score := 3.25
	return search.Item{
		Movie: movie.Movie{ID: 1, IMDbID: "tt0078748", Title: "Alien", OriginalTitle: "Alien*", Akas: []string{"A", "異形"}, Year: 1979,
			ReleaseDate: "1979-05-25", Runtime: 117, Genres: []string{"Horror"}, Languages: []string{"English"}, Countries: []string{"UK"},
			Keywords: []string{"ship"}, Overview: "<b>", Directors: []string{"R"}, Cast: []string{"S"}, Characters: []string{"Ripley"},
			Rating: 8.5, Votes: 1 << 40, Popularity: 1e-7, PosterURL: "https://x/y", Adult: true, Revision: 1 << 60,
			People: []movie.Credit{{ID: 7, Name: "R", Role: movie.RoleDirector}}},
		Version: 1<<62 + 1, Score: &score, MatchedTitle: "異形", Highlight: map[string][]string{"title": {"<em>Alien</em>"}},
	}
}

func samples() map[string]*entry {
	asked := time.UnixMilli(1_790_000_000_123)
	return map[string]*entry{
		kindSearch: {asked, &search.Result{Items: []search.Item{full(), {Movie: movie.Movie{ID: 2, Title: "x"}, Version: 2}}, Total: search.Total{Value: 9, Exact: true},
			Facets: map[search.Facet][]search.FacetCount{search.FacetGenre: {{Value: "Horror", Count: 3}}}, NextCursor: "c", DidYouMean: "d",
			Interpreted: &search.Interpretation{Text: "t", Phrases: []string{"p"}, Excluded: []string{"e"}, Genres: []string{"g"}, People: []string{"q"}, YearFrom: 1, YearTo: 2, Ignored: []string{"i"}, Relaxed: []string{"r"}}}},
		kindSuggest: {asked, &search.Suggestions{Items: []search.Suggestion{{Kind: "movie", ID: 1, Text: "t", Year: 1979, Matched: "m"}}}},
		kindLookup:  {asked, []search.Item{full()}},
	}
}

// TestCodecReadsItsVersion: values written by an earlier release of the same
// version are read to the same answers. Whoever changes what an answer is, so that
// this fails, raises codecVersion.
func TestCodecReadsItsVersion(t *testing.T) {
	for kind, e := range samples() {
		file := filepath.Join("testdata", kind+".bin")
		if *update {
			b, err := encode(e)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(kind, b)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if diff := cmp.Diff(e.answer, got.answer); diff != "" || !got.asked.Equal(e.asked) {
			t.Errorf("%s: asked %v, differences -want +got:\n%s", kind, got.asked, diff)
		}
	}
}

// TestCodecKeepsEmptyAnswers, which are answers too.
func TestCodecKeepsEmptyAnswers(t *testing.T) {
	for kind, answer := range map[string]any{kindSearch: &search.Result{}, kindSuggest: &search.Suggestions{}, kindLookup: []search.Item(nil)} {
		b, err := encode(&entry{time.UnixMilli(5), answer})
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(kind, b)
		if err != nil || boundsOf(got.answer) != boundsOfSecond {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
}

// FuzzDecode: whatever is in Redis is read or refused.
func FuzzDecode(f *testing.F) {
	for kind, e := range samples() {
		b, err := encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, b)
		f.Add(kind, b[:len(b)/2])
		b[0]++
		f.Add(kind, b)
	}
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		if e, err := decode(kind, b); err != nil && !errors.Is(err, errUnreadable) || err == nil && e.answer == nil {
			t.Errorf("got %+v, %v", e, err)
		}
	})
}
