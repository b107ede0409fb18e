package relevance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/search"
	"movies/search/relevance"
)

// TestSimilarBeatsMoreLikeThis asks for movies similar to each of those in groups
// made by hand, and the engine for its default more_like_this, over all fields and
// over the best of them: how much of its group is among the first ten?
func TestSimilarBeatsMoreLikeThis(t *testing.T) {
	t.Parallel()
	movies := sampleMovies(t)
	searcher, index := indexed(t, movies)
	url, _ := stacktest.OpenSearch(t)
	questions := alike(t, movies)
	ask := func(name string, similar func(id int64) []int64) relevance.Figures {
		var answers []relevance.Answered
		for id, q := range questions {
			ids := similar(id)
			answers = append(answers, relevance.Answered{Question: q, Results: ids, Figures: relevance.Measure(q, ids)})
		}
		f := relevance.Mean(answers)
		t.Logf("%s: NDCG@10 %.3f, MRR@10 %.3f, recall@10 %.3f", name, f.NDCG, f.MRR, f.Recall)
		return f
	}
	ours := ask("similar", func(id int64) (ids []int64) {
		result, err := searcher.Search(t.Context(), search.Request{SimilarTo: id, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range result.Items {
			ids = append(ids, i.Movie.ID)
		}
		return ids
	})
	for name, options := range map[string]string{
		"more_like_this": `{`, "more_like_this, fields chosen": `{"fields":["title","overview","characters","keywords.text","directors.folded","cast.folded","genres.folded"],"min_term_freq":1,"min_doc_freq":2,`,
	} {
		theirs := ask(name, func(id int64) []int64 {
			return moreLikeThis(t, url+"/"+index, fmt.Sprintf(`%s"like":[{"_index":%q,"_id":"%d"}]}`, options, index, id))
		})
		if ours.Recall < theirs.Recall+0.1 || ours.NDCG < theirs.NDCG+0.1 {
			t.Errorf("similar is not clearly better than %s", name)
		}
	}
}

func moreLikeThis(t *testing.T, index, query string) []int64 {
	t.Helper()
	response, err := http.Post(index+"/_search", "application/json", bytes.NewBufferString(`{"_source":false,"query":{"more_like_this":`+query+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", response.Status, err)
	}
	var ids []int64
	for _, h := range answer.Hits.Hits {
		id, err := strconv.ParseInt(h.ID, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// alike are, for each movie of a group, the others as a question.
func alike(t *testing.T, movies []movie.Movie) map[int64]relevance.Question {
	t.Helper()
	byName := map[string]int64{}
	for _, m := range movies {
		byName[named(m)] = m.ID
	}
	raw, err := os.ReadFile("testdata/alike.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]relevance.Question{}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		group := strings.Split(strings.TrimSpace(line), "; ")
		for _, name := range group {
			q := relevance.Question{Query: name, Grades: map[int64]int{}}
			for _, other := range group {
				if byName[other] == 0 {
					t.Fatalf("the sample catalogue has no %q", other)
				}
				if other != name {
					q.Grades[byName[other]] = 1
				}
			}
			out[byName[name]] = q
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d movies were read", len(out))
	}
	return out
}
