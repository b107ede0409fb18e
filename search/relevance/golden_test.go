package relevance_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/sample"
	"movies/internal/stack/stacktest"
	"movies/mappings"
	"movies/search"
	"movies/search/opensearch"
	"movies/search/relevance"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenRanking asks the sample catalogue readable queries and compares what
// comes first, and the figures, with the committed ones, so that a change of the
// ranking shows as a diff. Run with -update after a deliberate change.
func TestGoldenRanking(t *testing.T) {
	t.Parallel()
	movies := sampleMovies(t)
	searcher, _ := indexed(t, movies)
	var got strings.Builder
	var answers []relevance.Answered
	for _, w := range wanted(t, movies) {
		result, err := searcher.Search(t.Context(), search.Request{Text: w.Query, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		var titles []string
		for _, i := range result.Items {
			ids = append(ids, i.Movie.ID)
			titles = append(titles, named(i.Movie))
		}
		a := relevance.Answered{Question: w, Results: ids, Figures: relevance.Measure(w, ids)}
		answers = append(answers, a)
		fmt.Fprintf(&got, "%s\t%s\t%s\n", w.Query, mark(a), strings.Join(titles[:min(3, len(titles))], "; "))
	}
	f := relevance.Mean(answers)
	fmt.Fprintf(&got, "queries %d, NDCG@10 %.3f, MRR@10 %.3f, recall@10 %.3f, without result %.3f\n", f.Questions, f.NDCG, f.MRR, f.Recall, f.ZeroRate)
	compare(t, "testdata/ranking.txt", got.String())
	if f.MRR < 0.9 {
		t.Errorf("MRR@10 is %.3f, at least 0.9 is expected of so small a catalogue", f.MRR)
	}
}

// TestKnownItems asks for titles as people mistype them and compares the figures
// of each kind with the committed ones.
func TestKnownItems(t *testing.T) {
	t.Parallel()
	movies := sampleMovies(t)
	searcher, _ := indexed(t, movies)
	byKind := map[string][]relevance.Answered{}
	var all []relevance.Answered
	for _, k := range relevance.KnownItems(movies, 300, 1) {
		result, err := searcher.Search(t.Context(), search.Request{Text: k.Query, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, i := range result.Items {
			ids = append(ids, i.Movie.ID)
		}
		a := relevance.Answered{Question: k.Question, Results: ids, Figures: relevance.Measure(k.Question, ids)}
		byKind[k.Kind] = append(byKind[k.Kind], a)
		all = append(all, a)
		if a.MRR < 1 {
			t.Logf("%s: %q (%s)", k.Kind, k.Query, mark(a))
		}
	}
	var got strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		writeFigures(&got, kind, relevance.Mean(byKind[kind]))
	}
	f := relevance.Mean(all)
	writeFigures(&got, "all", f)
	compare(t, "testdata/known-items.txt", got.String())
	if f.MRR < 0.95 || f.Recall < 0.97 {
		t.Errorf("MRR@10 is %.3f and recall@10 %.3f, 0.95 and 0.97 are promised", f.MRR, f.Recall)
	}
}

func writeFigures(b *strings.Builder, name string, f relevance.Figures) {
	fmt.Fprintf(b, "%s: queries %d, MRR@10 %.3f, recall@10 %.3f, without result %.3f\n", name, f.Questions, f.MRR, f.Recall, f.ZeroRate)
}

// mark shows whether the wanted movie came first, where else, or not at all.
func mark(a relevance.Answered) string {
	switch {
	case a.MRR == 1:
		return "first"
	case a.MRR > 0:
		return fmt.Sprintf("at %.0f", 1/a.MRR)
	}
	return "MISSING"
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	report := t.Errorf
	if v := engineVersion(t); !strings.HasPrefix(v, goldenEngine) {
		// Another version weighs words a little differently: there, the bounds of the tests are what holds.
		report = func(format string, args ...any) { t.Logf("OpenSearch "+v+": "+format, args...) }
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		report("%s differs (-want +got):\n%s", golden, diff)
	}
}

// goldenEngine begins the versions of OpenSearch that the golden files are of.
const goldenEngine = "3."

func engineVersion(t *testing.T) string {
	t.Helper()
	url, _ := stacktest.OpenSearch(t)
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var about struct {
		Version struct{ Number string }
	}
	if err := json.NewDecoder(response.Body).Decode(&about); err != nil || about.Version.Number == "" {
		t.Fatalf("no version: %v", err)
	}
	return about.Version.Number
}

func named(m movie.Movie) string { return fmt.Sprintf("%s (%d)", m.Title, m.Year) }

// wanted reads the queries and the movies they mean.
func wanted(t *testing.T, movies []movie.Movie) []relevance.Question {
	t.Helper()
	byName := map[string]int64{}
	for _, m := range movies {
		byName[named(m)] = m.ID
	}
	raw, err := os.ReadFile("testdata/queries.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []relevance.Question
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		query, names, _ := strings.Cut(strings.TrimSpace(line), "\t")
		q := relevance.Question{Query: query, Grades: map[int64]int{}}
		for name := range strings.SplitSeq(names, "; ") {
			id, ok := byName[name]
			if !ok {
				t.Errorf("%s: the sample catalogue has no %q", query, name)
			}
			q.Grades[id] = 1
		}
		out = append(out, q)
	}
	if len(out) < 100 {
		t.Fatalf("only %d queries were read", len(out))
	}
	return out
}

func sampleMovies(t *testing.T) []movie.Movie {
	t.Helper()
	r, err := sample.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var movies []movie.Movie
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m movie.Movie
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		movies = append(movies, m)
	}
	if len(movies) < 1000 {
		t.Fatalf("only %d movies were read: %v", len(movies), lines.Err())
	}
	return movies
}

// indexed is a searcher over an index of the test's own with the movies, and its name.
func indexed(t *testing.T, movies []movie.Movie) (searcher *opensearch.Searcher, index string) {
	t.Helper()
	url, prefix := stacktest.OpenSearch(t)
	client, err := opensearch.New(config.Search{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	body, err := mappings.Index(mappings.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	index = prefix + "movies"
	if err := client.CreateIndex(t.Context(), index, body, opensearch.Facts{CreatedBy: t.Name()}); err != nil {
		t.Fatal(err)
	}
	var b opensearch.Bulk
	for _, m := range movies {
		if err := b.Index(m.ID, 1, mappings.Project(m)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range client.Bulk(t.Context(), index, &b) {
		if r.Outcome != opensearch.Done {
			t.Fatal(r.Reason)
		}
	}
	if err := client.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	return opensearch.NewSearcher(client, index, time.Minute), index
}
