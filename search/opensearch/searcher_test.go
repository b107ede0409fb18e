package opensearch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/mappings"
	"movies/search"
	"movies/search/opensearch"
)

// catalogue is an index of the test's own.
type catalogue struct {
	*opensearch.Searcher
	t      testing.TB
	client *opensearch.Client
	index  string
	url    string
	clock  movie.Version
}

func newCatalogue(t testing.TB, shards int, movies ...movie.Movie) *catalogue {
	t.Helper()
	url, prefix := stacktest.OpenSearch(t)
	client, err := opensearch.New(config.Search{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	body, err := mappings.Index(mappings.Options{Shards: shards})
	if err != nil {
		t.Fatal(err)
	}
	c := &catalogue{t: t, client: client, url: url, index: prefix + "movies"}
	if err := client.CreateIndex(t.Context(), c.index, body, opensearch.Facts{CreatedBy: t.Name()}); err != nil {
		t.Fatal(err)
	}
	c.Searcher = opensearch.NewSearcher(client, c.index, 20*time.Second)
	c.put(movies...)
	return c
}

// put writes movies, a movie without an id under its place in the list.
func (c *catalogue) put(movies ...movie.Movie) {
	c.t.Helper()
	c.write(movies)
	if err := c.client.Refresh(c.t.Context(), c.index); err != nil {
		c.t.Fatal(err)
	}
}

func (c *catalogue) write(movies []movie.Movie) {
	c.t.Helper()
	var b opensearch.Bulk
	for i, m := range movies {
		if m.ID == 0 {
			m.ID = int64(i + 1)
		}
		c.clock++
		if err := b.Index(m.ID, c.clock, mappings.Project(m)); err != nil {
			c.t.Fatal(err)
		}
	}
	for _, r := range c.client.Bulk(c.t.Context(), c.index, &b) {
		if r.Outcome != opensearch.Done {
			c.t.Fatal(r.Reason)
		}
	}
}

func (c *catalogue) search(r search.Request) *search.Result {
	c.t.Helper()
	result, err := c.Search(c.t.Context(), r)
	if err != nil {
		c.t.Fatal(err)
	}
	return result
}

func titles(items []search.Item) []string {
	out := []string{}
	for _, i := range items {
		out = append(out, i.Movie.Title)
	}
	return out
}

func ids(items []search.Item) []int64 {
	out := []int64{}
	for _, i := range items {
		out = append(out, i.Movie.ID)
	}
	return out
}

func number(v float64) *float64 { return &v }

func sample() []movie.Movie {
	return []movie.Movie{
		{ID: 1, Title: "Alien", Year: 1979, IMDbID: "tt0078748", Genres: []string{"Horror", "Science Fiction"}, Languages: []string{"English"}, Countries: []string{"United States", "United Kingdom"}, Directors: []string{"Ridley Scott"}, Cast: []string{"Sigourney Weaver"}, Overview: "A crew meets a <creature> & dies.", Rating: 8.5, Votes: 900, Popularity: 50, Runtime: 117, Keywords: []string{"spaceship"}, People: []movie.Credit{{ID: 7, Name: "Ridley Scott", Role: movie.RoleDirector}, {ID: 8, Name: "Sigourney Weaver", Role: movie.RoleCast}}},
		{ID: 2, Title: "Aliens", Year: 1986, Genres: []string{"Action", "science fiction"}, Languages: []string{"English"}, Countries: []string{"United States"}, Directors: []string{"James Cameron"}, Cast: []string{"Sigourney Weaver"}, Rating: 8.4, Votes: 800, Popularity: 45, Runtime: 137, Keywords: []string{"spaceship"}, People: []movie.Credit{{ID: 9, Name: "James Cameron", Role: movie.RoleDirector}, {ID: 8, Name: "Sigourney Weaver", Role: movie.RoleCast}}},
		{ID: 3, Title: "Amélie", OriginalTitle: "Le Fabuleux Destin d'Amélie Poulain", Year: 2001, Genres: []string{"Comedy", "Romance"}, Languages: []string{"French"}, Countries: []string{"France"}, Directors: []string{"Jean-Pierre Jeunet"}, Rating: 8.3, Votes: 700, Popularity: 40},
		{ID: 4, Title: "Spider-Man", Year: 2002, Genres: []string{"Action"}, Languages: []string{"English"}, Countries: []string{"United States"}, Votes: 600, Popularity: 60, Rating: 7.3},
		{ID: 5, Title: "WALL·E", Year: 2008, Genres: []string{"Animation"}, Votes: 500, Popularity: 55, Rating: 8.4},
		{ID: 6, Title: "Seven Samurai", OriginalTitle: "七人の侍", Akas: []string{"Shichinin no samurai"}, Year: 1954, Genres: []string{"Drama"}, Languages: []string{"Japanese"}, Countries: []string{"Japan"}, Votes: 400, Popularity: 20, Rating: 8.6},
		{ID: 7, Title: "A Blue Film", Adult: true, Popularity: 99},
		{ID: 8, Title: "Unknown"},
		{ID: 9, Title: "écume", Popularity: 1},
	}
}

func TestBrowseIsByPopularityWithoutAdultTitles(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	want := []int64{4, 5, 1, 2, 3, 6, 9, 8}
	r := c.search(search.Request{})
	if diff := cmp.Diff(want, ids(r.Items)); diff != "" {
		t.Error(diff)
	}
	if r.Total != (search.Total{Value: 8, Exact: true}) || r.NextCursor != "" || r.Items[0].Score != nil {
		t.Errorf("got total %v, cursor %q, score %v", r.Total, r.NextCursor, r.Items[0].Score)
	}
	if got := ids(c.search(search.Request{Adult: true}).Items); got[0] != 7 {
		t.Errorf("with adult titles: got %v", got)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	for name, test := range map[string]struct {
		request search.Request
		want    []int64
	}{
		"genre without case":      {search.Request{Genres: []string{"SCIENCE fiction"}}, []int64{1, 2}},
		"any genre":               {search.Request{Genres: []string{"Comedy", "Horror"}}, []int64{1, 3}},
		"all genres":              {search.Request{Genres: []string{"Horror", "Science Fiction"}, AllGenres: true}, []int64{1}},
		"genre and language":      {search.Request{Genres: []string{"action"}, Languages: []string{"english"}}, []int64{4, 2}},
		"country":                 {search.Request{Countries: []string{"france"}}, []int64{3}},
		"keyword":                 {search.Request{Keywords: []string{"Spaceship"}}, []int64{1, 2}},
		"person without marks":    {search.Request{People: []string{"jean-pierre jeunet"}}, []int64{3}},
		"person by id":            {search.Request{PersonID: 8}, []int64{1, 2}},
		"year":                    {search.Request{Year: search.Range{From: number(1979), To: number(1986)}}, []int64{1, 2}},
		"year open":               {search.Request{Year: search.Range{To: number(1960)}}, []int64{6}},
		"rating":                  {search.Request{Rating: search.Range{From: number(8.5)}}, []int64{1, 6}},
		"votes":                   {search.Request{Votes: search.Range{From: number(700), To: number(800)}}, []int64{2, 3}},
		"runtime":                 {search.Request{Runtime: search.Range{From: number(120)}}, []int64{2}},
		"only these":              {search.Request{Only: []int64{6, 3, 12345}}, []int64{3, 6}},
		"only none":               {search.Request{Only: []int64{}}, []int64{}},
		"text and filter":         {search.Request{Text: "alien", Genres: []string{"action"}}, []int64{2}},
		"folded text":             {search.Request{Text: "amelie"}, []int64{3}},
		"split":                   {search.Request{Text: "spider man"}, []int64{4}},
		"glued":                   {search.Request{Text: "spiderman"}, []int64{4}},
		"walle":                   {search.Request{Text: "walle"}, []int64{5}},
		"wall e":                  {search.Request{Text: "wall e"}, []int64{5}},
		"other script":            {search.Request{Text: "七人の侍"}, []int64{6}},
		"other title":             {search.Request{Text: "shichinin no samurai"}, []int64{6}},
		"sorted by title":         {search.Request{Sort: search.Sort{Key: search.SortTitle}}, []int64{1, 2, 3, 9, 6, 4, 8, 5}},
		"sorted by title from Z":  {search.Request{Sort: search.Sort{Key: search.SortTitle, Reverse: true}}, []int64{5, 8, 4, 6, 9, 3, 2, 1}},
		"sorted by year":          {search.Request{Sort: search.Sort{Key: search.SortYear}}, []int64{5, 4, 3, 2, 1, 6, 9, 8}},
		"sorted by year, oldest":  {search.Request{Sort: search.Sort{Key: search.SortYear, Reverse: true}}, []int64{6, 1, 2, 3, 4, 5, 9, 8}},
		"sorted by rating":        {search.Request{Sort: search.Sort{Key: search.SortRating}, Limit: 4}, []int64{6, 1, 2, 5}},
		"text sorted by year":     {search.Request{Text: "alien", Sort: search.Sort{Key: search.SortYear}}, []int64{2, 1}},
		"least popular first":     {search.Request{Sort: search.Sort{Key: search.SortPopularity, Reverse: true}, Limit: 2}, []int64{9, 6}},
		"no such genre":           {search.Request{Genres: []string{"mumblecore"}}, []int64{}},
		"punctuation is no words": {search.Request{Text: "?!", Sort: search.Sort{Key: search.SortYear}}, []int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ids(c.search(test.request).Items)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFacetsIgnoreTheirOwnFilter(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	r := c.search(search.Request{Languages: []string{"english"}, Genres: []string{"horror"}, Facets: []search.Facet{search.FacetGenre, search.FacetLanguage, search.FacetDecade, search.FacetYear}})
	want := map[search.Facet][]search.FacetCount{
		search.FacetGenre:    {{Value: "Action", Count: 2}, {Value: "Science Fiction", Count: 2}, {Value: "Horror", Count: 1}},
		search.FacetLanguage: {{Value: "English", Count: 1}},
		search.FacetDecade:   {{Value: "1970", Count: 1}},
		search.FacetYear:     {{Value: "1979", Count: 1}},
	}
	if diff := cmp.Diff(want, r.Facets); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{1}, ids(r.Items)); diff != "" || r.Total.Value != 1 {
		t.Errorf("total %v, items %s", r.Total, diff)
	}
}

func TestHighlightMarksAndEscapes(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	r := c.search(search.Request{Text: "alien crew", Highlight: true})
	got := r.Items[0].Highlight
	if diff := cmp.Diff([]string{"<em>Alien</em>"}, got["title"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A <em>crew</em> meets a &lt;creature&gt; &amp; dies."}, got["overview"]); diff != "" {
		t.Error(diff)
	}
}

// TestPagingShowsEverythingOnce walks result sets in small pages while other
// movies come and go.
func TestPagingShowsEverythingOnce(t *testing.T) {
	t.Parallel()
	var movies []movie.Movie
	for i := range 250 {
		m := movie.Movie{ID: int64(i + 1), Title: fmt.Sprintf("Comet %d", i), Genres: []string{"Drama"}, Popularity: float64(i % 7), Votes: int64(i % 5), Rating: float64(i%9) + 0.1, Year: 1950 + i%40}
		if i%11 == 0 {
			m.Year, m.Popularity, m.Rating = 0, 0, 0
		}
		movies = append(movies, m)
	}
	c := newCatalogue(t, 2, movies...)
	for name, r := range map[string]search.Request{
		"popularity": {Genres: []string{"drama"}},
		"rating":     {Genres: []string{"drama"}, Sort: search.Sort{Key: search.SortRating}},
		"-rating":    {Genres: []string{"drama"}, Sort: search.Sort{Key: search.SortRating, Reverse: true}},
		"year":       {Genres: []string{"drama"}, Sort: search.Sort{Key: search.SortYear}},
		"-year":      {Genres: []string{"drama"}, Sort: search.Sort{Key: search.SortYear, Reverse: true}},
		"title":      {Genres: []string{"drama"}, Sort: search.Sort{Key: search.SortTitle}},
		"relevance":  {Genres: []string{"drama"}, Text: "comet"},
		"text":       {Genres: []string{"drama"}, Text: "comet", Sort: search.Sort{Key: search.SortTitle, Reverse: true}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[int64]int{}
			for page := 0; ; page++ {
				r.Limit = 23
				result := c.search(r)
				for _, id := range ids(result.Items) {
					seen[id]++
				}
				if r.Cursor = result.NextCursor; r.Cursor == "" {
					break
				}
				if len(result.Items) != r.Limit {
					t.Fatalf("page %d has %d items and is not the last", page, len(result.Items))
				}
				// Others arrive above and below, and go.
				c.put(movie.Movie{ID: 10_000 + int64(page%3), Title: "Comet", Genres: []string{"Drama"}, Popularity: 1000, Votes: 1000, Year: 1950 + page, Rating: 10})
			}
			for id := int64(1); id <= 250; id++ {
				if seen[id] != 1 {
					t.Errorf("movie %d was shown %d times", id, seen[id])
				}
			}
		})
	}
}

func TestTotalIsStableAcrossPages(t *testing.T) {
	t.Parallel()
	var movies []movie.Movie
	for i := range 130 {
		movies = append(movies, movie.Movie{ID: int64(i + 1), Title: fmt.Sprintf("Comet %d", i), Popularity: float64(i)})
	}
	c := newCatalogue(t, 1, movies...)
	r := search.Request{Text: "comet", Limit: 40}
	for {
		result := c.search(r)
		if want := (search.Total{Value: 130, Exact: true}); result.Total != want {
			t.Errorf("got total %v, want %v", result.Total, want)
		}
		if r.Cursor = result.NextCursor; r.Cursor == "" {
			return
		}
	}
}

func TestForeignCursorIsRefused(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	year := search.Request{Sort: search.Sort{Key: search.SortYear}}.Normalize()
	for name, p := range map[string]search.Position{
		"too few values": {After: []any{int64(1)}},
		"wrong kind":     {After: []any{"x", 1.0, int64(1)}},
		"no such year":   {After: []any{int64(1) << 40, 1.0, int64(1)}},
	} {
		r := year
		r.Cursor = year.CursorAt(p)
		if _, err := c.Search(t.Context(), r); !errors.Is(err, movie.ErrInvalid) {
			t.Errorf("%s: got %v, want an ErrInvalid", name, err)
		}
	}
}

func TestLookupReadsWhatIsNotYetSearchable(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	c.write([]movie.Movie{{ID: 77, Title: "Fresh"}, {ID: 7, Title: "A Blue Film", Adult: true}})
	items, err := c.Lookup(t.Context(), search.Lookup{IDs: []int64{77, 404, 3, 77, 7}, IMDbIDs: []string{"tt0078748", "tt9999999"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{77, 3, 7, 1}, ids(items)); diff != "" {
		t.Error(diff)
	}
	if items[0].Version != c.clock-1 {
		t.Errorf("got version %d, want %d", items[0].Version, c.clock-1)
	}
}

// What a visible lookup shows, the next search finds.
func TestVisibleLookupWaitsForSearch(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	c.write([]movie.Movie{{ID: 77, Title: "Unheardof"}})
	for deadline := time.Now().Add(20 * time.Second); ; {
		seen, err := c.Lookup(t.Context(), search.Lookup{IDs: []int64{77}, Visible: true})
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.Search(t.Context(), search.Request{Text: "unheardof", Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) == 1 {
			if !slices.Contains(ids(found.Items), 77) {
				t.Error("it is visible and not found")
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("never visible")
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	for text, want := range map[string][]string{
		"a": {"Alien", "Aliens", "Amélie"}, "ali": {"Alien", "Aliens"}, "spiderm": {"Spider-Man"}, "man": {"Spider-Man"}, "ame": {"Amélie"},
		"samu": {"Seven Samurai"}, "七": {"Seven Samurai"}, "seven": {"Seven Samurai"}, "seven sa": {"Seven Samurai"}, "weav": {"Sigourney Weaver"}, "ridley sc": {"Ridley Scott"}, "samuraj": {"Seven Samurai"},
	} {
		s, err := c.Suggest(t.Context(), search.SuggestRequest{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range s.Items {
			got = append(got, i.Text)
		}
		if !slices.Equal(got[:min(len(got), len(want))], want) {
			t.Errorf("%s: got %q, want %q first", text, got, want)
		}
	}
}

func TestSimilarLeavesTheMovieOut(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, sample()...)
	got := c.search(search.Request{SimilarTo: 1})
	if t1 := titles(got.Items); len(t1) == 0 || t1[0] != "Aliens" || slices.Contains(t1, "Alien") {
		t.Errorf("got %q", t1)
	}
	if _, err := c.Search(t.Context(), search.Request{SimilarTo: 404}); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("got %v, want an ErrNotFound", err)
	}
}

func TestMissingIndexAndLateAnswersAreUnavailable(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1)
	nowhere := opensearch.NewSearcher(c.client, c.index+"-missing", 0)
	if _, err := nowhere.Search(t.Context(), search.Request{}); !errors.Is(err, movie.ErrUnavailable) || errors.Is(err, movie.ErrNotFound) {
		t.Errorf("missing index: got %v", err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := c.Search(ctx, search.Request{}); !errors.Is(err, movie.ErrUnavailable) {
		t.Errorf("deadline: got %v", err)
	}
}
