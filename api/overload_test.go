package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"movies/api"
	"movies/deploy/bench/load"
	"movies/internal/config"
	"movies/search"
	"movies/search/cache"
	"movies/search/guard"
	"movies/search/opensearch"
)

// tier is the real engine as two nodes that can be cut off and slowed, and what
// it had to do.
type tier struct {
	t        *testing.T
	nodes    []*toxiproxy.Proxy
	underWay atomic.Int64
	most     atomic.Int64
}

// newTier puts the API, with a short patience, before the two nodes; wrap may put
// caches between.
func newTier(t *testing.T, wrap ...func(search.Searcher) search.Searcher) (url string, _ *tier) {
	t.Helper()
	s := newService(t, films())
	x := &tier{t: t}
	behind := httptest.NewServer(x.counted(s.engine))
	t.Cleanup(behind.Close)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	var addresses []string
	for i := range 2 {
		p := toxiproxy.NewProxy(server, fmt.Sprintf("node-%d", i), "127.0.0.1:0", strings.TrimPrefix(behind.URL, "http://"))
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		x.nodes = append(x.nodes, p)
		addresses = append(addresses, "http://"+p.Listen)
	}
	client, err := opensearch.New(config.Search{URLs: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	guarded, err := guard.New(opensearch.NewSearcher(client, s.index, patience), guard.Options{Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	var searcher search.Searcher = guarded
	for _, w := range wrap {
		searcher = w(searcher)
	}
	url, _ = serve(t, searcher, func(o *api.Options) { o.ReadTimeout = patience })
	return url, x
}

// patience is the read timeout of these tests.
const patience = 2 * time.Second

// counted passes requests on and counts how many are under way.
func (x *tier) counted(engine string) http.Handler {
	target, err := url.Parse(engine)
	if err != nil {
		x.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := x.underWay.Add(1)
		defer x.underWay.Add(-1)
		for most := x.most.Load(); now > most && !x.most.CompareAndSwap(most, now); most = x.most.Load() {
		}
		proxy.ServeHTTP(w, r)
	})
}

// cut stops a node, and restores it.
func (x *tier) cut(node int) (restore func()) {
	p := x.nodes[node]
	p.Stop()
	return func() {
		if err := p.Start(); err != nil {
			x.t.Error(err)
		}
	}
}

// asFastAsAnswered is a closed loop of two: on a busy machine nothing is shed that
// has no other reason.
const asFastAsAnswered = 0

// reads are what is asked.
var reads = []string{"/v1/movies/1", "/v1/movies?q=alien", "/v1/movies/2", "/v1/suggest?q=al", "/v1/movies?genre=drama"}

// ask puts a load of lookups and searches on the API and does something in the
// middle of it.
func (x *tier) ask(address string, rate float64, d time.Duration, meanwhile func()) *load.Report {
	x.t.Helper()
	i := 0
	next := func() load.Request {
		i++
		return load.Request{Path: reads[i%len(reads)], Class: "reads"}
	}
	done := make(chan struct{})
	timer := time.AfterFunc(d/3, func() { defer close(done); meanwhile() })
	defer timer.Stop()
	connections := 64
	if rate == asFastAsAnswered {
		connections = 2 // which is never more than the engine can take
	}
	report, err := load.Run(context.Background(), load.Options{Address: strings.TrimPrefix(address, "http://"), Rate: rate, Duration: d,
		Connections: connections, Timeout: 20 * time.Second, Next: next, Seed: 1})
	if err != nil {
		x.t.Fatal(err)
	}
	<-done
	return report
}

// TestOneNodeDead: nobody notices.
func TestOneNodeDead(t *testing.T) {
	t.Parallel()
	url, x := newTier(t)
	restore := func() {}
	report := x.ask(url, asFastAsAnswered, 4*time.Second, func() { restore = x.cut(0) })
	if all := report.Sum(); all.Failed > 0 || all.Answered*100 < all.Total()*95 {
		t.Errorf("a node died:\n%s", report)
	}
	restore()
	report = x.ask(url, asFastAsAnswered, 2*time.Second, func() {})
	if all := report.Sum(); all.Failed > 0 || all.Answered*100 < all.Total()*95 {
		t.Errorf("it is back:\n%s", report)
	}
}

// TestOneNodeFrozen: those that it holds are cut off by the read timeout and
// told when to come again; the others go to the other node.
func TestOneNodeFrozen(t *testing.T) {
	t.Parallel()
	url, x := newTier(t)
	report := x.ask(url, 8, 9*time.Second, func() {
		for _, direction := range []string{"upstream", "downstream"} {
			_, err := x.nodes[0].Toxics.AddToxicJson(strings.NewReader(`{"name":"frozen-` + direction + `","type":"timeout","stream":"` + direction + `","attributes":{"timeout":0}}`))
			if err != nil {
				t.Error(err)
			}
		}
	})
	all := report.Sum()
	if all.Failed > 0 || all.Answered*100 < all.Total()*60 {
		t.Errorf("a node froze:\n%s", report)
	}
	if slowest := max(all.Quantile(1), all.RefusedQuantile(1)); slowest > patience+3*time.Second {
		t.Errorf("somebody waited %v:\n%s", slowest, report)
	}
}

// TestClusterGone: what was answered lately is still given out, everybody else hears
// so at once and when to come again; and as it comes back it is asked by few at first.
func TestClusterGone(t *testing.T) {
	t.Parallel()
	url, x := newTier(t)
	if all := x.ask(url, 20, time.Second, func() {}).Sum(); all.Failed > 0 {
		t.Fatalf("before: %d failed", all.Failed)
	}
	back := []func(){x.cut(0), x.cut(1)}
	report := x.ask(url, 200, 3*time.Second, func() {})
	all := report.Sum()
	if all.Failed > 0 || all.Shed == 0 || all.Shed+all.Answered != all.Total() {
		t.Errorf("while it is gone:\n%s", report)
	}
	if p99 := all.RefusedQuantile(.99); p99 > time.Second {
		t.Errorf("99 of 100 heard after %v", p99)
	}
	x.most.Store(0)
	report = x.ask(url, 200, 6*time.Second, func() {
		for _, restore := range back {
			restore()
		}
	})
	all = report.Sum()
	if all.Failed > 0 || all.Answered == 0 {
		t.Errorf("as it comes back:\n%s", report)
	}
	if most := x.most.Load(); most > 40 {
		t.Errorf("%d requests were under way at once as the cluster came back", most)
	}
	eventually(t, "all is answered again", func() bool { return ask(t, http.MethodGet, url+"/v1/movies/1").status == http.StatusOK })
}

// TestCachedAnswersOutliveTheCluster: what is known is answered as before, quickly,
// while the cluster is gone, and goes on being answered as it comes back.
func TestCachedAnswersOutliveTheCluster(t *testing.T) {
	t.Parallel()
	url, x := newTier(t, func(origin search.Searcher) search.Searcher {
		kept, err := cache.New(cache.Options{Origin: origin, Timeout: patience, Metrics: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		return kept
	})
	for _, path := range reads {
		eventually(t, path+" is known", func() bool { return ask(t, http.MethodGet, url+path).status == http.StatusOK })
	}
	back := []func(){x.cut(0), x.cut(1)}
	report := x.ask(url, 100, 6*time.Second, func() {})
	if all := report.Sum(); all.Answered != all.Total() || all.Quantile(.99) > time.Second {
		t.Errorf("the cluster is gone:\n%s", report)
	}
	report = x.ask(url, 100, 3*time.Second, func() {
		for _, restore := range back {
			restore()
		}
	})
	if all := report.Sum(); all.Answered != all.Total() || all.Quantile(.99) > time.Second {
		t.Errorf("it comes back:\n%s", report)
	}
}

// TestWhoLeavesIsNotWorkedFor: the engine is told how long it may take, less than
// the visitor waits, and when the visitor goes its request ends too.
func TestWhoLeavesIsNotWorkedFor(t *testing.T) {
	t.Parallel()
	asked, left := make(chan string, 10), make(chan struct{}, 10)
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_search") { // which mapping the index has
			_, _ = io.WriteString(w, "{}")
			return
		}
		body, _ := io.ReadAll(r.Body)
		asked <- string(body)
		<-r.Context().Done()
		left <- struct{}{}
	}))
	t.Cleanup(engine.Close)
	client, err := opensearch.New(config.Search{URLs: []string{engine.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	url, _ := serve(t, opensearch.NewSearcher(client, "movies", time.Minute), func(o *api.Options) { o.ReadTimeout = 10 * time.Second })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/movies?genre=drama", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if response, err := plainClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	var question struct{ Timeout string }
	if err := json.Unmarshal([]byte(<-asked), &question); err != nil {
		t.Fatal(err)
	}
	if bound, err := time.ParseDuration(question.Timeout); err != nil || bound <= 0 || bound > 9*time.Second {
		t.Errorf("the engine may take %q of the visitor's 10 s", question.Timeout)
	}
	leave()
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Error("the visitor has gone, and the engine is still asked")
	}
}
