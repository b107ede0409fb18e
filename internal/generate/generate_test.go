package generate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"movies/internal/generate"
	"movies/internal/movie"
)

// Every line is what encoding/json writes of a movie that Parse accepts.
func TestLinesAreValid(t *testing.T) {
	t.Parallel()
	g := generate.New(1)
	for i := range int64(5_000) {
		m := g.Movie(i * 4_999) // up to 25 million
		line := generate.AppendLine(nil, &m)
		parsed, err := movie.Parse(line)
		if err != nil {
			t.Fatalf("movie %d: %v\n%s", i, err, line)
		}
		if diff := cmp.Diff(m, parsed); diff != "" {
			t.Fatal(diff)
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(line)); diff != "" {
			t.Fatal(diff)
		}
		var directors, cast []string
		for _, p := range m.People {
			if p.Role == movie.RoleDirector {
				directors = append(directors, p.Name)
			} else {
				cast = append(cast, p.Name)
			}
		}
		if !cmp.Equal(directors, m.Directors) || !cmp.Equal(cast, m.Cast) || m.ID <= 10_000_000 {
			t.Fatalf("people do not agree with directors and cast, or the id is low: %s", line)
		}
	}
}

func lines(t *testing.T, seed uint64, n int64) string {
	t.Helper()
	var b bytes.Buffer
	if err := generate.New(seed).WriteJSONL(t.Context(), &b, n, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAMovieDependsOnSeedAndIndexAlone(t *testing.T) {
	t.Parallel()
	many, few := lines(t, 7, 2_345), lines(t, 7, 1_234)
	if !strings.HasPrefix(many, few) || strings.Count(many, "\n") != 2_345 || strings.Count(few, "\n") != 1_234 {
		t.Error("fewer movies are not the beginning of more movies")
	}
	one := generate.New(7).Movie(2_000)
	if line := string(generate.AppendLine(nil, &one)); strings.Split(many, "\n")[2_000] != strings.TrimSuffix(line, "\n") {
		t.Error("a movie made alone differs from the one made among others")
	}
	if other := lines(t, 8, 1_234); strings.Split(other, "\n")[0] == strings.Split(few, "\n")[0] {
		t.Error("another seed made the same movie")
	}
}

// The beginning of a catalogue is fixed: what a seed means changes only together
// with FormatVersion.
func TestSeedsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	m := generate.New(1).Movie(0)
	got := string(generate.AppendLine(nil, &m))
	const want = `{"id":10000001,"imdb_id":"tt9000000000","title":"The Banral","original_title":"안차","akas":["Waltin Holron","Calken Velwen","Dorser in Lanrin"],"year":2004,"release_date":"2004-02-02","runtime":94,"genres":["Comedy","Drama","Crime"],"languages":["Korean"],"countries":["South Korea"],"overview":"In of battle are perjor finds cornel house clown verer lansolricksen mandilren spy only banberow honor night, and dorel the winmin as. A wentonlan sinham monter portal conkin.","directors":["Bo-young Jaeyeon"],"cast":["Bo-young Jaeyeon","Chan-wook Yujeseok","Min-ho Taewon"],"rating":6.6,"votes":768,"popularity":25.74,"people":[{"id":10000127,"name":"Bo-young Jaeyeon","role":"director"},{"id":10000127,"name":"Bo-young Jaeyeon","role":"cast"},{"id":10000126,"name":"Chan-wook Yujeseok","role":"cast"},{"id":10000063,"name":"Min-ho Taewon","role":"cast"}]}`
	if diff := cmp.Diff(want, strings.TrimSuffix(got, "\n")); diff != "" || generate.FormatVersion != 1 {
		t.Errorf("format %d: %s", generate.FormatVersion, diff)
	}
}

var sequel = regexp.MustCompile(` ([2-9]|II|III|IV|Returns)$`)

// Figures lie where those of the real sample lie.
func TestShapes(t *testing.T) {
	t.Parallel()
	const n = 20_000
	g := generate.New(3)
	titles, people, scripts := map[string]int{}, map[int64]int{}, map[string]int{}
	names := map[string]map[int64]bool{}
	var sequels, overview, credits, after2000, votes500, keywords, rated, akas int
	var rating float64
	for i := range int64(n) {
		m := g.Movie(i)
		titles[strings.ToLower(m.Title)]++
		overview += len(m.Overview)
		credits += len(m.Cast)
		keywords += len(m.Keywords)
		after2000 += count(m.Year >= 2000)
		votes500 += count(m.Votes >= 508)
		rated += count(m.Rating > 0)
		akas += count(len(m.Akas) > 0)
		sequels += count(sequel.MatchString(m.Title))
		rating += m.Rating
		for _, p := range m.People {
			people[p.ID]++
			if names[p.Name] == nil {
				names[p.Name] = map[int64]bool{}
			}
			names[p.Name][p.ID] = true
		}
		for _, r := range m.OriginalTitle {
			for _, s := range []string{"Latin", "Cyrillic", "Greek", "Arabic", "Devanagari", "Han", "Hiragana", "Katakana", "Hangul", "Thai"} {
				scripts[s] += count(unicode.Is(unicode.Scripts[s], r))
			}
		}
	}
	equal, namesakes, most := 0, 0, 0
	for _, times := range titles {
		equal += times * count(times > 1)
	}
	for _, ids := range names {
		namesakes += count(len(ids) > 1)
	}
	for _, times := range people {
		most = max(most, times)
	}
	for _, c := range []struct {
		what          string
		got, low, top float64
	}{
		{"bytes of an overview", float64(overview) / n, 265, 300},
		{"cast of a movie", float64(credits) / n, 8.9, 9.9},
		{"keywords of a movie", float64(keywords) / n, 3.3, 4.9},
		{"share from 2000 on", float64(after2000) / n, .74, .82},
		{"share with 508 votes, the median", float64(votes500) / n, .42, .52},
		{"mean rating", rating / float64(rated), 6.4, 6.6},
		{"share with the title of another", float64(equal) / n, .105, .25},
		{"share of sequels", float64(sequels) / n, .03, .05},
		{"share with akas", float64(akas) / n, .33, .43},
		{"people per movie", float64(len(people)) / n, 1.5, 4},
		{"share of names that several have", float64(namesakes) / float64(len(names)), .005, .2},
		{"most credits of one", float64(most), 100, 800},
	} {
		if c.got < c.low || c.got > c.top {
			t.Errorf("%s: %.3f, want %g to %g", c.what, c.got, c.low, c.top)
		}
		t.Logf("%s: %.3f", c.what, c.got)
	}
	if len(scripts) != 10 || scripts["Thai"] == 0 || scripts["Greek"] == 0 || scripts["Hangul"] == 0 {
		t.Errorf("scripts of original titles: %v", scripts)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func TestStreamEndsWithContextAndWriter(t *testing.T) {
	t.Parallel()
	g := generate.New(1)
	ctx, stop := context.WithCancel(t.Context())
	err := g.WriteJSONL(ctx, io.Discard, 1<<40, func(n int64) {
		if n > 5_000 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	broken := errors.New("disk full")
	if err := g.WriteJSONL(t.Context(), failing{broken}, 1<<40, func(int64) {}); !errors.Is(err, broken) {
		t.Errorf("a failing writer: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func BenchmarkMovies(b *testing.B) {
	g := generate.New(1)
	b.ResetTimer()
	start := time.Now()
	if err := g.WriteJSONL(b.Context(), io.Discard, int64(b.N), func(int64) {}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "movies/s")
}
