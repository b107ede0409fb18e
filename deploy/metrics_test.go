// Package deploy holds one test: deploy/metrics.tsv is what the processes export.
// Alert rules and dashboards are checked against that file, and operators read it.
package deploy_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"movies/api"
	"movies/indexer"
	"movies/indexer/relay"
	"movies/internal/auth"
	"movies/internal/config"
	"movies/internal/movie"
	"movies/search/cache"
	"movies/search/guard"
)

var update = flag.Bool("update", false, "write metrics.tsv anew")

const file = "metrics.tsv"

const header = `# Generated: go test ./deploy -update. What each process exports beside the metrics of the Go runtime.
process	metric	type	labels	meaning
`

func TestMetricsFile(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	var lines []string
	for process, register := range map[string]func(*testing.T, *recorder){
		"relay": func(t *testing.T, r *recorder) {
			relay.New(nil, nil, nil, nil, quiet, r)
			ended, end := context.WithCancel(t.Context())
			end()
			relay.WatchCapture(ended, func(context.Context) (movie.CaptureHealth, error) {
				return movie.CaptureHealth{}, errors.New("no database")
			}, quiet, r)
		},
		"indexer": func(_ *testing.T, r *recorder) { indexer.New(nil, nil, "", r, quiet) },
		"auth":    registerAuth,
		"api":     registerAPI,
	} {
		r := &recorder{Registry: prometheus.NewRegistry(), process: process}
		register(t, r)
		if len(r.lines) == 0 {
			t.Errorf("%s exports nothing", process)
		}
		lines = append(lines, r.lines...)
	}
	slices.Sort(lines)
	lines = slices.Compact(lines) // some are registered and gathered
	got := header + strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the processes export something else than %s says; see what alerts and dashboards need of it, then run: go test ./deploy -update\n%s",
			file, difference(string(want), got))
	}
}

func difference(want, got string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, a, b string }{{"-", want, got}, {"+", got, want}} {
		for line := range strings.Lines(side.a) {
			if !strings.Contains(side.b, line) {
				out.WriteString(side.sign + line)
			}
		}
	}
	return out.String()
}

func registerAuth(t *testing.T, r *recorder) {
	_, err := auth.New(auth.Options{
		PublicURL: &url.URL{Scheme: "https", Host: "movies.example.com"}, Issuer: "https://id.example.com",
		ClientID: "movies", ClientSecret: "secret", Algorithm: "RS256", RolesClaim: "roles", Log: slog.New(slog.DiscardHandler), Metrics: r,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// registerAPI asks for something, because the server wants a registry, which
// tells of metrics once they have a value.
func registerAPI(t *testing.T, r *recorder) {
	if _, err := guard.New(nil, guard.Options{Metrics: r}); err != nil {
		t.Fatal(err)
	}
	redis, err := cache.NewRedis(cache.RedisOptions{Redis: config.Redis{URL: "redis://127.0.0.1:1"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := cache.New(cache.Options{Redis: redis, Metrics: r})
	if err != nil {
		t.Fatal(err)
	}
	h, err := api.New(api.Options{Searcher: kept, Log: slog.New(slog.DiscardHandler), Metrics: r.Registry})
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/healthz", nil))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if slices.ContainsFunc(r.lines, func(line string) bool { return strings.Contains(line, "\t"+f.GetName()+"\t") }) {
			continue // registered one by one
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		r.add(f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp(), labels)
	}
}

// recorder is a registry that remembers what it was given.
type recorder struct {
	*prometheus.Registry
	process string
	lines   []string
}

// Register implements prometheus.Registerer.
func (r *recorder) Register(c prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 100)
	c.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		r.describe(d, kind(c))
	}
	return r.Registry.Register(c)
}

// MustRegister implements prometheus.Registerer.
func (r *recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

func kind(c prometheus.Collector) string {
	switch c.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	case *prometheus.GaugeVec, prometheus.Gauge:
		return "gauge"
	case *prometheus.CounterVec, prometheus.Counter:
		return "counter"
	}
	return "gauge" // computed when asked
}

var described = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "(.*)", unit: "[^"]*", constLabels: \{\}, variableLabels: \{([^}]*)\}\}$`)

func (r *recorder) describe(d *prometheus.Desc, kind string) {
	m := described.FindStringSubmatch(d.String())
	if m == nil {
		panic("prometheus.Desc shows itself in another form: " + d.String())
	}
	r.add(m[1], kind, m[2], strings.FieldsFunc(m[3], func(c rune) bool { return c == ',' }))
}

func (r *recorder) add(name, kind, help string, labels []string) {
	slices.Sort(labels)
	r.lines = append(r.lines, strings.Join([]string{r.process, name, kind, cmp.Or(strings.Join(labels, ","), "-"), help}, "\t"))
}
