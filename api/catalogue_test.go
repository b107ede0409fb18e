package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/search"
)

func TestListsAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for query, want := range map[string][]int64{
		"":                          {1, 2, 3, 4, 6},
		"adult=true&limit=1":        {5},
		"q=alien":                   {1, 2},
		"q=alien&genre=action":      {2},
		"genre=action&genre=comedy": {2, 3},
		"genre=SCIENCE+fiction":     {1, 2},
		"genre=horror&genre=science+fiction&genre_mode=all": {1},
		"language=french":                        {3},
		"country=japan":                          {4},
		"keyword=spaceship&rating=8.5..":         {1},
		"person=ridley+scott":                    {1},
		"year=1979":                              {1},
		"year=1980..2001":                        {2, 3},
		"year=..1960":                            {4},
		"runtime=120..":                          {2, 4},
		"votes=700..800":                         {2, 3},
		"sort=title&limit=3":                     {1, 2, 3},
		"sort=-title&limit=2":                    {6, 4},
		"sort=year":                              {3, 2, 1, 4, 6},
		"sort=-year":                             {4, 1, 2, 3, 6},
		"sort=rating":                            {4, 1, 2, 3, 6},
		"q=seven+samurai":                        {4},
		"q=%E4%B8%83%E4%BA%BA%E3%81%AE%E4%BE%8D": {4},
		"ids=3,1,77,3":                           {3, 1},
		"genre=":                                 {1, 2, 3, 4, 6}, // an empty field of a form
		"genre=mumblecore":                       {},
	} {
		if diff := cmp.Diff(want, s.list("/v1/movies?"+query).ids()); diff != "" {
			t.Errorf("?%s: %s", query, diff)
		}
	}
}

func TestListSaysHowManyAndHowItMatched(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	p := s.list("/v1/movies?q=alien+crew&highlight=true&facets=genre,decade")
	first := p.Items[0]
	if p.Total.Relation != "eq" || p.Total.Value < 1 || p.TookMS == nil || first.Score == nil {
		t.Errorf("got total %+v, took %v, score %v", p.Total, p.TookMS, first.Score)
	}
	if got := first.Highlight["overview"]; len(got) != 1 || got[0] != "A <em>crew</em> meets a &lt;creature&gt; &amp; dies." {
		t.Errorf("got the highlight %q", got)
	}
	if len(p.Facets["genre"]) == 0 || len(p.Facets["decade"]) == 0 || len(p.Facets) != 2 {
		t.Errorf("got facets %v", p.Facets)
	}
	if p := s.list("/v1/movies?genre=drama"); p.Items[0].Score != nil {
		t.Error("browsing has a score")
	}
}

func TestFieldsAreChosen(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for path, want := range map[string]string{
		"/v1/movies?ids=4&fields=title,id":         `{"id":4,"title":"Seven Samurai"}`,
		"/v1/movies/1?fields=year,imdb_id,runtime": `{"imdb_id":"tt0078748","year":1979,"runtime":117}`,
	} {
		body := string(s.get(path).body)
		if !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %s", path, body, want)
		}
	}
}

func TestOneMovie(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for _, path := range []string{"/v1/movies/1", "/v1/movies/tt0078748"} {
		a := s.get(path)
		var m struct {
			ID, Revision int64
			Title        string
			People       []struct{ Name, Role string }
		}
		if err := json.Unmarshal(a.body, &m); err != nil || m.ID != 1 || m.Title != "Alien" || m.Revision != 1 || len(m.People) != 2 || a.header.Get("X-Revision") != "1" {
			t.Errorf("%s: %v %s", path, err, a.body)
		}
	}
	if a := s.get("/v1/movies/5"); a.status != http.StatusOK { // adult titles are left out of lists, not hidden
		t.Errorf("an adult title by id: %d", a.status)
	}
	for path, status := range map[string]int{
		"/v1/movies/77": 404, "/v1/movies/tt9999999": 404, "/v1/movies/77/similar": 404, "/v1/people/77": 404,
		"/v1/movies/0": 400, "/v1/movies/x": 400, "/v1/movies/-1": 400, "/v1/movies/99999999999999999999": 400, "/v1/people/x": 400, "/v1/movies/x/similar": 400,
	} {
		if p := s.get(path).mustFail(t, status); status == 400 && (len(p.Errors) != 1 || p.Errors[0].Field != "id") {
			t.Errorf("%s: got %+v, want a problem with id", path, p)
		}
	}
}

func TestSimilarPersonSuggest(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	if got := s.list("/v1/movies/1/similar").ids(); len(got) == 0 || got[0] != 2 || slices.Contains(got, 1) {
		t.Errorf("similar to Alien: %v", got)
	}
	person := decode[struct {
		ID    int64
		Name  string
		Roles []string
		Items []struct{ ID int64 }
	}](t, s.get("/v1/people/8"))
	if person.ID != 8 || person.Name != "Sigourney Weaver" || !slices.Equal(person.Roles, []string{"cast"}) || len(person.Items) != 2 {
		t.Errorf("got %+v", person)
	}
	suggested := decode[struct{ Items []search.Suggestion }](t, s.get("/v1/suggest?q=ali"))
	if len(suggested.Items) != 2 || suggested.Items[0] != (search.Suggestion{Kind: "movie", ID: 1, Text: "Alien", Year: 1979}) {
		t.Errorf("got %+v", suggested)
	}
	if p := s.get("/v1/suggest").mustFail(t, 400); len(p.Errors) != 1 || p.Errors[0].Field != "q" {
		t.Errorf("got %+v, want a problem with q", p)
	}
}

// TestCursorsReachTheWholeResult walks result sets over HTTP, page by page.
func TestCursorsReachTheWholeResult(t *testing.T) {
	t.Parallel()
	movies := wholeSample(t)
	s := newService(t, movies)
	for _, query := range []string{"", "q=the", "genre=drama&sort=year", "sort=title", "sort=-rating&language=english"} {
		seen := map[int64]bool{}
		total, cursor := int64(-1), ""
		for first := true; first || cursor != ""; first = false {
			p := s.list("/v1/movies?limit=97&fields=id&" + query + "&cursor=" + url.QueryEscape(cursor))
			if total >= 0 && p.Total.Value != total {
				t.Fatalf("?%s: the total went from %d to %d", query, total, p.Total.Value)
			}
			total, cursor = p.Total.Value, p.NextCursor
			for _, id := range p.ids() {
				if seen[id] {
					t.Fatalf("?%s: movie %d was shown twice", query, id)
				}
				seen[id] = true
			}
		}
		if int64(len(seen)) != total || total == 0 || query == "" && int(total) != len(movies) {
			t.Errorf("?%s: %d movies shown of %d", query, len(seen), total)
		}
	}
	cursor := s.list("/v1/movies?sort=title").NextCursor
	for _, bad := range []string{"sort=year&cursor=" + cursor, "sort=title&cursor=" + cursor[1:], "cursor=x"} {
		if p := s.get("/v1/movies?"+bad).mustFail(t, 400); len(p.Errors) != 1 || p.Errors[0].Field != "cursor" {
			t.Errorf("?%s: got %+v, want a problem with cursor", bad, p)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for path, parameters := range map[string][]string{
		"/v1/movies?yaer=1999":               {"yaer"},
		"/v1/movies?limit=0&year=x&sort=y":   {"limit", "sort", "year"},
		"/v1/movies?ids=1&q=x&sort=title":    {"q", "sort"},
		"/v1/movies?sort=-relevance&q=alien": {"sort"},
		"/v1/movies/1?limit=3":               {"limit"},
		"/v1/movies/1?min_revision=x":        {"min_revision"},
		"/v1/movies/1/similar?q=x":           {"q"},
		"/v1/suggest?q=a&limit=11":           {"limit"},
		"/v1/people/8?colour=red":            {"colour"},
	} {
		p := s.get(path).mustFail(t, 400)
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Field)
		}
		if diff := cmp.Diff(parameters, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if p := s.get("/v1/movies?yaer=1999").mustFail(t, 400); !strings.Contains(p.Errors[0].Detail, `"year"`) {
		t.Errorf("the nearest parameter is not named: %+v", p)
	}
	s.get("/v1/movies?q=%zz").mustFail(t, 400)
}
