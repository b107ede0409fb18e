package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"movies/internal/movie"
	"movies/internal/progress"
	"movies/search/relevance"
)

// evalCommand measures a running API.
type evalCommand struct {
	Judgments   string        `required:"" placeholder:"FILE" help:"Judged queries; may be gzipped."`
	API         string        `default:"http://127.0.0.1:8080" placeholder:"URL" env:"API_URL" help:"The API to ask. [$API_URL]"`
	Sample      int           `default:"0" placeholder:"N" help:"Ask only N of the queries, always the same; 0 asks all."`
	Folds       int           `default:"0" placeholder:"N" help:"Also print the figures of N parts of the queries, split by movie: how much they scatter."`
	Worst       int           `default:"0" placeholder:"N" help:"Also list the N queries answered worst."`
	Concurrency int           `default:"2" help:"Queries at a time."`
	Timeout     time.Duration `default:"10s" help:"For each query."`
}

// Validate implements kong's validation.
func (c *evalCommand) Validate() error {
	if u, err := url.Parse(c.API); err != nil || u.Host == "" {
		return fmt.Errorf("--api: %q is not a URL such as http://127.0.0.1:8080", c.API)
	}
	if c.Concurrency < 1 {
		return fmt.Errorf("--concurrency must be at least 1")
	}
	return nil
}

// Run asks every query and prints the figures.
func (c *evalCommand) Run(ctx context.Context, t *terminal) error {
	questions, err := relevance.ReadFile(c.Judgments)
	if err != nil {
		return err
	}
	questions = relevance.Sample(questions, c.Sample)
	api := apiClient{base: strings.TrimRight(c.API, "/"), client: &http.Client{Timeout: c.Timeout}}
	bar := progress.Start(t.stderr, progress.Options{Name: "queries", Unit: "queries", Total: int64(len(questions))})
	figures, answers, err := relevance.Evaluate(ctx, questions, c.Concurrency, counted(bar, len(questions), api.rank))
	bar.Finish()
	if err != nil {
		return err
	}
	if err := c.printFolds(ctx, t, questions, answers, api); err != nil {
		return err
	}
	slices.SortStableFunc(answers, func(a, b relevance.Answered) int { return cmp.Compare(a.NDCG, b.NDCG) })
	for _, a := range answers[:min(c.Worst, len(answers))] {
		if err := t.print(map[string]any{"query": a.Query, "ndcg@10": a.NDCG, "results": a.Results}, "%.3f  %s", a.NDCG, a.Query); err != nil {
			return err
		}
	}
	return printFigures(t, "all", figures)
}

func (c *evalCommand) printFolds(ctx context.Context, t *terminal, questions []relevance.Question, answers []relevance.Answered, api apiClient) error {
	if c.Folds < 2 {
		return nil
	}
	votes, err := api.votes(ctx, relevance.Movies(questions))
	if err != nil {
		return err
	}
	for i, members := range relevance.Folds(questions, votes, c.Folds) {
		var part []relevance.Answered
		for _, m := range members {
			part = append(part, answers[m])
		}
		if err := printFigures(t, fmt.Sprintf("fold %d", i+1), relevance.Mean(part)); err != nil {
			return err
		}
	}
	return nil
}

func printFigures(t *terminal, name string, f relevance.Figures) error {
	type named struct {
		Name string `json:"name"`
		relevance.Figures
	}
	return t.print(named{name, f}, "%s: queries=%d ndcg@10=%.4f mrr@10=%.4f recall@10=%.4f zero_result_rate=%.4f",
		name, f.Questions, f.NDCG, f.MRR, f.Recall, f.ZeroRate)
}

// counted shows on the bar how many queries were answered.
func counted(bar *progress.Bar, total int, rank relevance.Ranking) relevance.Ranking {
	done := make(chan struct{}, total)
	return func(ctx context.Context, query string) ([]int64, error) {
		ids, err := rank(ctx, query)
		done <- struct{}{}
		bar.Set(int64(len(done)), int64(total))
		return ids, err
	}
}

// apiClient asks the API as any client does.
type apiClient struct {
	base   string
	client *http.Client
}

// movieList is what is read of an answer.
type movieList struct {
	Items []struct {
		ID    int64 `json:"id"`
		Votes int64 `json:"votes"`
	} `json:"items"`
}

// rank gives the ids of the first ten results.
func (a apiClient) rank(ctx context.Context, query string) ([]int64, error) {
	list, err := a.movies(ctx, url.Values{"q": {query}, "limit": {"10"}, "fields": {"id"}})
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	ids := make([]int64, len(list.Items))
	for i, item := range list.Items {
		ids[i] = item.ID
	}
	return ids, nil
}

// votes looks up how many votes movies have.
func (a apiClient) votes(ctx context.Context, ids []int64) (map[int64]int64, error) {
	out := make(map[int64]int64, len(ids))
	for some := range slices.Chunk(ids, 100) {
		names := make([]string, len(some))
		for i, id := range some {
			names[i] = strconv.FormatInt(id, 10)
		}
		list, err := a.movies(ctx, url.Values{"ids": {strings.Join(names, ",")}, "fields": {"id,votes"}, "limit": {"100"}})
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			out[item.ID] = item.Votes
		}
	}
	return out, nil
}

// movies asks for a list, and waits when told to: an API that limits its clients
// or sheds load says for how long.
func (a apiClient) movies(ctx context.Context, query url.Values) (*movieList, error) {
	for {
		list, wait, err := a.once(ctx, query)
		if wait == 0 {
			return list, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// maxWait is the longest Retry-After that is waited for.
const maxWait = 30 * time.Second

func (a apiClient) once(ctx context.Context, query url.Values) (list *movieList, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/v1/movies?"+query.Encode(), nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := a.client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", movie.ErrUnavailable, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
			return nil, min(max(time.Duration(seconds)*time.Second, 100*time.Millisecond), maxWait), nil
		}
	}
	if res.StatusCode != http.StatusOK {
		detail, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return nil, 0, fmt.Errorf("the API answered %s: %s", res.Status, detail)
	}
	list = &movieList{}
	return list, 0, json.NewDecoder(res.Body).Decode(list)
}
