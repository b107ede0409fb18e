package relevance_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"movies/search/relevance"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestMeasure(t *testing.T) {
	q := relevance.Question{Query: "q", Grades: map[int64]int{1: 1, 2: 1, 3: 0}}
	ideal := 1 + 1/math.Log2(3)
	for name, test := range map[string]struct {
		results []int64
		want    relevance.Figures
	}{
		"best":                {[]int64{1, 2, 3}, relevance.Figures{NDCG: 1, MRR: 1, Recall: 1}},
		"one, second":         {[]int64{3, 2}, relevance.Figures{NDCG: 1 / math.Log2(3) / ideal, MRR: 0.5, Recall: 0.5}},
		"unjudged is nothing": {[]int64{9, 8, 7}, relevance.Figures{}},
		"nothing":             {nil, relevance.Figures{ZeroRate: 1}},
		"behind ten":          {[]int64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1}, relevance.Figures{}},
	} {
		got := relevance.Measure(q, test.results)
		if !near(got.NDCG, test.want.NDCG) || !near(got.MRR, test.want.MRR) || !near(got.Recall, test.want.Recall) || got.ZeroRate != test.want.ZeroRate {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestGradesGainExponentially(t *testing.T) {
	q := relevance.Question{Grades: map[int64]int{1: 2, 2: 1}}
	want := (1 + 3/math.Log2(3)) / (3 + 1/math.Log2(3))
	if got := relevance.Measure(q, []int64{2, 1}).NDCG; !near(got, want) {
		t.Errorf("got %f, want %f", got, want)
	}
}

func TestRecallIsOfWhatTenPlacesCanHold(t *testing.T) {
	q := relevance.Question{Grades: map[int64]int{}}
	var results []int64
	for id := int64(1); id <= 20; id++ {
		q.Grades[id] = 1
		results = append(results, id)
	}
	if got := relevance.Measure(q, results); got.Recall != 1 || !near(got.NDCG, 1) {
		t.Errorf("got %+v", got)
	}
}

func TestEvaluateAveragesAndStopsAtAnError(t *testing.T) {
	questions := []relevance.Question{
		{Query: "good", Grades: map[int64]int{1: 1}},
		{Query: "bad", Grades: map[int64]int{1: 1}},
		{Query: "nothing is relevant", Grades: map[int64]int{1: 0}},
	}
	rank := func(_ context.Context, query string) ([]int64, error) {
		if query == "good" {
			return []int64{1}, nil
		}
		return nil, nil
	}
	f, answers, err := relevance.Evaluate(t.Context(), questions, 2, rank)
	if err != nil || f.Questions != 3 || f.MRR != 0.5 || !near(f.ZeroRate, 2.0/3) || answers[0].Query != "good" {
		t.Errorf("got %+v, %v", f, err)
	}
	broken := errors.New("broken")
	if _, _, err := relevance.Evaluate(t.Context(), questions, 2, func(context.Context, string) ([]int64, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestReadNamesTheLine(t *testing.T) {
	questions, err := relevance.Read(strings.NewReader("query\tmovie_id\tgrade\nb\t1\t1\na\t2\t0\na\t3\t2\n"))
	if err != nil || len(questions) != 2 || questions[0].Query != "a" || questions[0].Grades[3] != 2 {
		t.Errorf("got %v, %v", questions, err)
	}
	for input, want := range map[string]string{
		"a\t1\n":           "line 1: has 2",
		"a\t1\t1\nb\tx\t1": "line 2: movie_id",
		"a\t1\t-1":         "line 1: grade",
		"a\t1\t11":         "line 1: grade",
	} {
		if _, err := relevance.Read(strings.NewReader(input)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", input, err, want)
		}
	}
}

func TestFoldsKeepMoviesTogether(t *testing.T) {
	var questions []relevance.Question
	for i := range 100 {
		questions = append(questions, relevance.Question{Grades: map[int64]int{int64(i % 20): 1, 1000: 0}})
	}
	folds := relevance.Folds(questions, map[int64]int64{}, 4)
	where := map[int64]int{}
	n := 0
	for f, members := range folds {
		for _, i := range members {
			n++
			movie := int64(i % 20)
			if before, ok := where[movie]; ok && before != f {
				t.Errorf("movie %d is in folds %d and %d", movie, before, f)
			}
			where[movie] = f
		}
	}
	if n != 100 {
		t.Errorf("%d of 100 questions are in a fold", n)
	}
}
