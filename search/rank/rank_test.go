package rank_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"movies/internal/movie"
	"movies/internal/sample"
	"movies/search/query"
	"movies/search/rank"
)

func sampleCandidates(tb testing.TB, n int) []rank.Candidate {
	r, err := sample.Open()
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var out []rank.Candidate
	for lines.Scan() && len(out) < n {
		var m movie.Movie
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			tb.Fatal(err)
		}
		out = append(out, rank.Candidate{Movie: &m, Score: float64(n - len(out)), Parts: map[string]float64{"w00": 3, "w01": 2, "title": 4}})
	}
	return out
}

func BenchmarkOrder(b *testing.B) {
	candidates := sampleCandidates(b, 100)
	q := query.Parse("seven samurai kurosawa 1954")
	b.ReportAllocs()
	for b.Loop() {
		rank.Order(q, candidates)
	}
}

// TestExactTitleIsFirstAlways puts a movie with no other merit last and asks for
// its title in ways that are the same.
func TestExactTitleIsFirstAlways(t *testing.T) {
	for text, m := range map[string]movie.Movie{
		"weapons":             {Title: "Weapons"},
		"WALL-E":              {Title: "WALL·E"},
		"spiderman":           {Title: "Spider-Man"},
		"oceans eleven":       {Title: "Ocean's 11"},
		"alien 1979":          {Title: "Alien", Year: 1979},
		"1917":                {Title: "1917", Year: 2019},
		"scary movie":         {Title: "Scary Movie"},
		"matrix full movie":   {Title: "The Matrix"},
		"le samourai":         {Title: "The Samurai", OriginalTitle: "Le Samouraï"},
		"gisaengchung":        {Title: "Parasite", Akas: []string{"Gisaengchung"}},
		"七人の武士":               {Title: "Seven Warriors", OriginalTitle: "七人の武士"},
		"blade runner 2049":   {Title: "Blade Runner 2049", Year: 2017},
		"the one and only it": {Title: "One and Only It"},
	} {
		candidates := sampleCandidates(t, 49)
		m.ID = 1 << 40
		candidates = append(candidates, rank.Candidate{Movie: &m, Score: 0.01})
		if first := rank.Order(query.Parse(text), candidates)[0]; first.Candidate != len(candidates)-1 {
			t.Errorf("%s: %s is first", text, candidates[first.Candidate].Movie.Title)
		}
	}
}

func TestPunctuationDecidesBetweenEqualTitles(t *testing.T) {
	candidates := []rank.Candidate{
		{Movie: &movie.Movie{ID: 1, Title: "Mother", Year: 2009, Votes: 1 << 20, Popularity: 100}, Score: 9},
		{Movie: &movie.Movie{ID: 2, Title: "mother!", Year: 2017}, Score: 1},
	}
	for text, want := range map[string]int{"Mother!": 1, "mother": 0} {
		if got := rank.Order(query.Parse(text), candidates)[0].Candidate; got != want {
			t.Errorf("%s: %s is first", text, candidates[got].Movie.Title)
		}
	}
}

// TestNearerTitleIsFirst: of several titles that are the text, the one that is it
// word by word comes first, however much better known the others are.
func TestNearerTitleIsFirst(t *testing.T) {
	for text, want := range map[string]string{
		"spiderman": "Spiderman", "spider man": "Spider-Man", "the thing": "The Thing", "thing": "Thing", "the the": "The The", "the": "The",
	} {
		var candidates []rank.Candidate
		for i, title := range []string{"Spiderman", "Spider-Man", "The Thing", "Thing", "The The", "The"} {
			votes := int64(10)
			if title != want {
				votes = 1 << 20
			}
			candidates = append(candidates, rank.Candidate{Movie: &movie.Movie{ID: int64(i), Title: title, Votes: votes, Popularity: float64(votes)}, Score: float64(votes)})
		}
		if first := rank.Order(query.Parse(text), candidates)[0]; candidates[first.Candidate].Movie.Title != want || first.OtherTitle != "" {
			t.Errorf("%s: %s is first", text, candidates[first.Candidate].Movie.Title)
		}
	}
}

func TestOtherTitleIsTheReasonOnlyWhenItFitsBetter(t *testing.T) {
	m := movie.Movie{ID: 1, Title: "Spirited Away", OriginalTitle: "千と千尋の神隠し", Akas: []string{"Sen to Chihiro no kamikakushi"}}
	for text, want := range map[string]string{
		"spirited away": "", "千と千尋の神隠し": "千と千尋の神隠し", "sen to chihiro": "Sen to Chihiro no kamikakushi", "miyazaki": "",
	} {
		if got := rank.Order(query.Parse(text), []rank.Candidate{{Movie: &m}})[0].OtherTitle; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestOrderIsCompleteAndRepeatable(t *testing.T) {
	candidates := sampleCandidates(t, 80)
	want := rank.Order(query.Parse("the night 1960"), candidates)
	var all []int
	for i, p := range want {
		all = append(all, p.Candidate)
		if i > 0 && p.Score > want[i-1].Score {
			t.Errorf("place %d has score %f behind %f", i, p.Score, want[i-1].Score)
		}
		if i >= rank.Depth && p.Candidate != i {
			t.Errorf("place %d, behind the depth, is candidate %d", i, p.Candidate)
		}
	}
	slices.Sort(all)
	for i, c := range all {
		if i != c {
			t.Fatalf("candidates %v", all)
		}
	}
	if got := rank.Order(query.Parse("the night 1960"), candidates); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("asked twice, two orders")
	}
}

func TestStrangeMoviesAreRanked(t *testing.T) {
	for _, m := range []movie.Movie{{}, {Title: "?!"}, {Title: "…", Overview: "  ", Characters: []string{"/", "(x)"}}, {Title: "a", Akas: []string{"", "\u0301"}}} {
		for _, text := range []string{"", "?", "a", "1999", "the", "\u0301"} {
			rank.Order(query.Parse(text), []rank.Candidate{{Movie: &m}, {Movie: &m}})
		}
	}
	rank.Order(query.Parse("a"), nil)
}

func TestModelIsCheckedWhenRead(t *testing.T) {
	good := rank.Model{Features: rank.Names, Trees: []rank.Tree{{Feature: []int{0, 1}, Threshold: []float32{1, 2}, Left: []int{1, -1}, Right: []int{-2, -3}, Value: []float32{1, 2, 3}}}}
	f := make([]float32, len(rank.Names))
	for want, values := range map[float64][2]float32{1: {1, 2}, 3: {1, 3}, 2: {2, 0}} {
		f[0], f[1] = values[0], values[1]
		if got := good.Score(f); got != want {
			t.Errorf("%v: got %f, want %f", values, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for name, spoil := range map[string]func(m *rank.Model){
		"other features": func(m *rank.Model) { m.Features = []string{"x"} },
		"a loop":         func(m *rank.Model) { m.Trees[0].Left[1] = 0 },
		"a far child":    func(m *rank.Model) { m.Trees[0].Left[0] = 2 },
		"a far leaf":     func(m *rank.Model) { m.Trees[0].Right[0] = -9 },
		"a far feature":  func(m *rank.Model) { m.Trees[0].Feature[0] = len(rank.Names) + r.IntN(9) },
		"no leaves":      func(m *rank.Model) { m.Trees[0].Value = nil },
	} {
		raw, _ := json.Marshal(good)
		var m rank.Model
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		if _, err := rank.ReadModel(raw); err != nil {
			t.Fatal(err)
		}
		spoil(&m)
		raw, _ = json.Marshal(m)
		if _, err := rank.ReadModel(raw); err == nil {
			t.Errorf("a model with %s was accepted", name)
		}
	}
}
