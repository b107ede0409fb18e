// Command postgres answers the fixed workload from Postgres alone, as somebody
// would who needs no search engine: full text and trigrams with good indexes, a
// thin handler in Go, statements prepared once, items stored as JSON. It is what
// the anonymous path is measured beside.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/config"
)

type options struct {
	Addr        string        `required:"" placeholder:"HOST:PORT" help:"Listen here."`
	DatabaseURL config.Secret `name:"database-url" required:"" placeholder:"URL" help:"The reference's database."`
	Connections int           `default:"8" help:"Connections to Postgres: a few for each core."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(config.Exit("postgres", err, os.Stderr))
}

func run(ctx context.Context, args []string) error {
	var o options
	if _, err := config.Parse("postgres", "Answers the fixed workload from Postgres alone.", &o, args, os.Stdout, os.Stderr); err != nil {
		return err
	}
	c, err := pgxpool.ParseConfig(string(o.DatabaseURL))
	if err != nil {
		return &config.UsageError{Err: err}
	}
	c.MaxConns = int32(o.Connections)
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	s := &http.Server{Addr: o.Addr, Handler: routes(&catalogue{pool}), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func routes(c *catalogue) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(r *http.Request) (string, error)) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
			defer cancel()
			body, err := h(r.WithContext(ctx))
			switch {
			case errors.Is(err, errNotFound):
				http.Error(w, "not found", http.StatusNotFound)
			case err != nil:
				http.Error(w, err.Error(), http.StatusInternalServerError)
			default:
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(body))
			}
		})
	}
	handle("/v1/movies/{id}", func(r *http.Request) (string, error) { return c.movie(r.Context(), r.PathValue("id")) })
	handle("/v1/suggest", func(r *http.Request) (string, error) {
		return c.suggest(r.Context(), strings.ToLower(r.URL.Query().Get("q")))
	})
	handle("/v1/movies", func(r *http.Request) (string, error) {
		q := r.URL.Query()
		if ids := q.Get("ids"); ids != "" {
			return c.movies(r.Context(), strings.Split(ids, ","))
		}
		return c.search(r.Context(), questionOf(q))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := c.pool.Ping(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return mux
}

// page is the answer's envelope around items that are JSON already.
func page(items []string, total int, facets string) string {
	relation := "eq"
	if total > mostCounted {
		total, relation = mostCounted, "gte"
	}
	if facets != "" {
		facets = `,"facets":` + facets
	}
	return fmt.Sprintf(`{"items":[%s],"total":{"value":%d,"relation":"%s"}%s}`, strings.Join(items, ","), total, relation, facets)
}
