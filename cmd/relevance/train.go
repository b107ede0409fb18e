package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/progress"
	"movies/search/opensearch"
	"movies/search/relevance"
)

// trainCommand trains the ranking model.
type trainCommand struct {
	config.Search `embed:""`
	Judgments     string `required:"" placeholder:"FILE" help:"Judged queries; may be gzipped."`
	Movies        string `required:"" placeholder:"FILE" help:"JSONL of the movies that the index holds; may be gzipped."`
	Index         string `default:"movies" help:"Index or alias that holds the movies."`
	Known         int    `default:"2000" placeholder:"N" help:"Train also on N titles as people mistype them."`
	Sample        int    `default:"0" placeholder:"N" help:"Use only N of the judged queries; 0 uses all."`
	Folds         int    `default:"0" placeholder:"N" help:"First cross-validate with N parts, split by movie, and print the figures."`
	Trees         int    `default:"0" placeholder:"N" help:"Grow N trees instead of the chosen number."`
	Concurrency   int    `default:"2" help:"Queries at a time."`
	Out           string `placeholder:"FILE" help:"Where to write the model; nothing is written without."`
}

// Run asks the index for the candidates of every query and grows trees on them.
func (c *trainCommand) Run(ctx context.Context, t *terminal) error {
	movies, err := readMovies(c.Movies)
	if err != nil {
		return err
	}
	judged, err := relevance.ReadFile(c.Judgments)
	if err != nil {
		return err
	}
	judged = relevance.Sample(judged, c.Sample)
	questions := judged
	for _, k := range relevance.KnownItems(movies, c.Known, trainingSeed) {
		questions = append(questions, k.Question)
	}
	examples, err := c.examples(ctx, t, questions)
	if err != nil {
		return err
	}
	growth := relevance.DefaultGrowth
	if c.Trees > 0 {
		growth.Trees = c.Trees
	}
	if c.Folds > 1 {
		if err := c.crossValidate(ctx, t, examples, len(judged), votesOf(movies), growth); err != nil {
			return err
		}
	}
	if c.Out == "" {
		return nil
	}
	bar := progress.Start(t.stderr, progress.Options{Name: "train", Unit: "trees", Total: int64(growth.Trees)})
	model := relevance.Train(examples, growth, func(tree int) { bar.Set(int64(tree), int64(growth.Trees)) })
	bar.Finish()
	raw, err := json.Marshal(model)
	if err != nil {
		return err
	}
	return os.WriteFile(c.Out, append(raw, '\n'), 0o644)
}

// trainingSeed keeps the titles that are trained on apart from those that
// known-items measures with by default.
const trainingSeed = 20

// examples finds the candidates of all questions.
func (c *trainCommand) examples(ctx context.Context, t *terminal, questions []relevance.Question) ([]relevance.Example, error) {
	client, err := opensearch.New(c.Search)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	searcher := opensearch.NewSearcher(client, c.Index, 30*time.Second)
	bar := progress.Start(t.stderr, progress.Options{Name: "candidates", Unit: "queries", Total: int64(len(questions))})
	defer bar.Finish()
	examples := make([]relevance.Example, len(questions))
	done := make(chan struct{}, len(questions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(c.Concurrency, 1))
	for i, q := range questions {
		g.Go(func() error {
			parsed, candidates, err := searcher.Candidates(ctx, q.Query)
			if err != nil {
				return fmt.Errorf("query %q: %w", q.Query, err)
			}
			examples[i] = relevance.NewExample(q, parsed, candidates)
			done <- struct{}{}
			bar.Set(int64(len(done)), int64(len(questions)))
			return nil
		})
	}
	return examples, g.Wait()
}

// crossValidate prints the figures of queries about movies that were not trained
// on, apart for judged queries and mistyped titles.
func (c *trainCommand) crossValidate(ctx context.Context, t *terminal, examples []relevance.Example, judged int, votes map[int64]int64, growth relevance.Growth) error {
	questions := make([]relevance.Question, len(examples))
	for i, e := range examples {
		questions[i] = e.Question
	}
	bar := progress.Start(t.stderr, progress.Options{Name: "cross-validate", Unit: "folds", Total: int64(c.Folds)})
	answers, err := relevance.CrossValidate(ctx, examples, relevance.Folds(questions, votes, c.Folds), growth, func(fold int) { bar.Set(int64(fold), int64(c.Folds)) })
	bar.Finish()
	if err != nil {
		return err
	}
	if err := printFigures(t, "judged, cross-validated", relevance.Mean(answers[:judged])); err != nil {
		return err
	}
	return printFigures(t, "known items, cross-validated", relevance.Mean(answers[judged:]))
}

func votesOf(movies []movie.Movie) map[int64]int64 {
	out := make(map[int64]int64, len(movies))
	for _, m := range movies {
		out[m.ID] = m.Votes
	}
	return out
}
