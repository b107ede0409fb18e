package api

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"movies/search"
)

// unanswered is a Searcher that counts the texts for which nothing was found and
// writes each to the log: the list, over all replicas and restarts, of what people
// look for in vain. deploy/README.md tells how to read it.
type unanswered struct {
	search.Searcher
	log   *slog.Logger
	count prometheus.Counter
}

func noteUnanswered(s search.Searcher, log *slog.Logger, metrics prometheus.Registerer) (search.Searcher, error) {
	count := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "api_searches_without_result_total",
		Help: "Searches with a text that found nothing; each is in the log as \"search without a result\".",
	})
	return &unanswered{Searcher: s, log: log, count: count}, metrics.Register(count)
}

// Search implements search.Searcher.
func (u *unanswered) Search(ctx context.Context, r search.Request) (*search.Result, error) {
	result, err := u.Searcher.Search(ctx, r)
	if err == nil && r.Text != "" && result.Total.Value == 0 {
		u.count.Inc()
		u.log.InfoContext(ctx, "search without a result", "q", r.Text, "question", r.Normalize().Key())
	}
	return result, err
}
