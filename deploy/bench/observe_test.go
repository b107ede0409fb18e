//go:build bench

package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"movies/deploy/bench/load"
)

// observation is what the processes told at a moment.
type observation struct {
	at       time.Time
	metrics  map[string]float64 // of the api, by name with labels
	auth, db int64              // what the api asked of auth and of Postgres so far
}

func (s *stage) observe() observation {
	s.t.Helper()
	response, err := http.Get("http://" + s.api + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	o := observation{at: time.Now(), metrics: map[string]float64{}, auth: s.auth.requests.Load(), db: s.database.requests.Load()}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if i := strings.LastIndexByte(lines.Text(), ' '); i > 0 && lines.Text()[0] != '#' {
			o.metrics[lines.Text()[:i]], _ = strconv.ParseFloat(lines.Text()[i+1:], 64)
		}
	}
	return o
}

// since adds up how much the metrics that match have grown.
func (o observation) since(before observation, name string, labels ...string) (sum float64) {
	for series, value := range o.metrics {
		if base, _, _ := strings.Cut(series, "{"); base != name {
			continue
		}
		matches := len(labels) == 0
		for _, l := range labels {
			matches = matches || strings.Contains(series, l)
		}
		if matches {
			sum += value - before.metrics[series]
		}
	}
	return sum
}

// summarize prints what the answers of a run cost.
func (s *stage) summarize(rate float64, r *load.Report, before, after observation) {
	all, seconds := r.Sum(), after.at.Sub(before.at).Seconds()
	const tier = "movies_search_tier_requests_total"
	origin := after.since(before, tier, `outcome="answered"`, `outcome="failed"`, `outcome="timed_out"`, `outcome="canceled"`)
	ofRepeating := r.Sum("repeating")
	fmt.Printf("anonymous-%.0f p50=%v p99=%v p99.9=%v shed=%.2f%% shed_of_repeating=%.2f%% failed=%d origin=%.0f/s fewer_searches_than_requests=%.1f%% rss=%.0fMiB auth_calls=%d database_requests=%d (%.1f/s at rest)\n",
		rate, all.Quantile(.5), all.Quantile(.99), all.Quantile(.999), percent(all.Shed, all.Total()), percent(ofRepeating.Shed, ofRepeating.Total()), all.Failed,
		origin/seconds, 100*(1-origin/float64(all.Total())), after.metrics["process_resident_memory_bytes"]/(1<<20),
		after.auth-before.auth, after.db-before.db, s.atRest)
	for _, series := range slices.Sorted(maps.Keys(after.metrics)) {
		name, _, _ := strings.Cut(series, "{")
		if grown := after.metrics[series] - before.metrics[series]; grown > 0 && strings.HasSuffix(name, "_total") && (strings.Contains(name, "cache") || name == tier) {
			fmt.Printf("   %s %.0f\n", series, grown)
		}
	}
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// counter passes connections on to a server and counts what is sent to it: every
// piece that arrives is taken for a request, so that it counts rather too many.
type counter struct {
	address  string
	requests atomic.Int64
}

func newCounter(t *testing.T, target string) *counter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c := &counter{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.pass(t.Context(), client, target)
		}
	}()
	return c
}

func (c *counter) pass(ctx context.Context, client net.Conn, target string) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		c.requests.Add(1)
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		c.requests.Add(1)
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}
