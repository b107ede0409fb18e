// Command relevance measures how good the search is, against judgments or titles
// that people know and mistype, and trains its ranking model.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"movies/internal/config"
	"movies/internal/jsonl"
	"movies/internal/movie"
	"movies/search/relevance"
)

const description = `Measures how good the search is, and trains its ranking model.

Judgments are tab-separated: a header line, then query, movie_id and grade (0 not relevant, above
relevant) a line; the file may be gzipped.

Examples:

  relevance eval --judgments judgments.tsv.gz --api http://127.0.0.1:8080
  relevance known-items --movies movies.jsonl.gz --n 300 > known.tsv && relevance eval --judgments known.tsv
  relevance train --judgments judgments.tsv.gz --movies movies.jsonl.gz --search-url http://127.0.0.1:9200 \
    --folds 5 --out search/rank/model.json`

// options is everything that can be set.
type options struct {
	JSON bool `help:"Print results as JSON lines."`

	Eval       evalCommand       `cmd:"" help:"Ask a running API and compute NDCG@10, MRR@10, recall@10 and the share of empty answers."`
	KnownItems knownItemsCommand `cmd:"" name:"known-items" help:"Write judgments for titles as people mistype them."`
	Train      trainCommand      `cmd:"" help:"Train the ranking model on what an index finds for judged queries."`
}

// terminal is what a command talks to.
type terminal struct {
	stdout, stderr io.Writer
	json           bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("relevance", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	command, err := config.Parse("relevance", description, &o, args, stdout, stderr)
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(&terminal{stdout: stdout, stderr: stderr, json: o.JSON})
}

// print writes a result: as JSON, or in words.
func (t *terminal) print(v any, words string, args ...any) error {
	if t.json {
		return json.NewEncoder(t.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(t.stdout, words+"\n", args...)
	return err
}

// readMovies reads all movies of a JSONL file.
func readMovies(name string) ([]movie.Movie, error) {
	f, err := jsonl.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []movie.Movie
	for {
		line, err := f.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var m movie.Movie
		if err := errors.Join(line.Err, json.Unmarshal(line.Text, &m)); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, line.Number, err)
		}
		out = append(out, m)
	}
}

// knownItemsCommand makes judgments out of titles.
type knownItemsCommand struct {
	Movies string `required:"" placeholder:"FILE" help:"JSONL of the movies to ask for, which the catalogue under test must hold; may be gzipped."`
	N      int    `default:"300" help:"How many queries."`
	Seed   uint64 `default:"1" help:"Which queries: the same seed gives the same ones."`
}

// Run writes them to standard output.
func (c *knownItemsCommand) Run(t *terminal) error {
	movies, err := readMovies(c.Movies)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(t.stdout)
	fmt.Fprintln(w, "query\tmovie_id\tgrade")
	for _, k := range relevance.KnownItems(movies, c.N, c.Seed) {
		for id := range k.Grades {
			fmt.Fprintf(w, "%s\t%d\t1\n", k.Query, id)
		}
	}
	return w.Flush()
}
