package indexer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"movies/internal/movie"
)

func (e *env) publishMany(from, to int64) {
	e.t.Helper()
	var events []movie.Event
	for id := from; id < to; id++ {
		events = append(events, upsert(id, movie.Version(id), fmt.Sprint(id)))
	}
	e.publish(events...)
}

// complete waits until the group has committed everything, checks that the index
// has every movie of the range, and that nothing was parked.
func (e *env) complete(index string, from, to int64) {
	e.t.Helper()
	e.finished(index)
	for id := from; id < to; id++ {
		if got := e.title(index, id); got != fmt.Sprint(id) {
			e.t.Fatalf("movie %d: got %q", id, got)
		}
	}
	if letters, err := e.kafka.DeadLetters(e.t.Context()); err != nil || len(letters) > 0 {
		e.t.Errorf("parked: %v, %v", letters, err)
	}
}

// A cluster that cannot be reached pauses the feed, which neither drops anything
// nor spins, and goes on when it is back.
func TestUnreachableClusterPausesTheFeed(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 2)
	upstream, err := url.Parse(e.searchURL)
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "search", "127.0.0.1:0", upstream.Host)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	defer proxy.Stop()
	index := e.feedFromNow(e.create("a"))
	p := e.start("http://" + proxy.Listen)
	e.publishMany(1, 50)
	e.finished(index)

	proxy.Stop()
	e.publishMany(50, 500)
	e.eventually("the writes fail", func() error {
		if p.metric(t, "movies_indexer_items_total", "outcome", "retry") == 0 {
			return fmt.Errorf("no retry yet")
		}
		return nil
	})
	e.eventually("the lag is seen", func() error {
		if p.metric(t, "movies_indexer_lag_messages") == 0 || p.metric(t, "movies_indexer_lag_seconds") == 0 {
			return fmt.Errorf("no lag reported")
		}
		return nil
	})
	e.eventually("it is not healthy", func() error {
		if p.Healthy(t.Context()) == nil {
			return fmt.Errorf("healthy")
		}
		return nil
	})
	requests := p.metric(t, "movies_indexer_bulk_requests_total")
	<-time.After(2 * time.Second) // it is the passing of time that is watched
	if n := p.metric(t, "movies_indexer_bulk_requests_total") - requests; n > 100 {
		t.Errorf("%v requests in two seconds without a cluster: it spins", n)
	}
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	e.complete(index, 1, 500)
	e.eventually("it is healthy", func() error { return p.Healthy(t.Context()) })
	if lag := p.metric(t, "movies_indexer_lag_seconds"); lag != 0 {
		t.Errorf("lag of %v s reported at the end", lag)
	}
}

// Answers that fail, as a whole or item by item, and connections that break in
// the middle of an answer lose nothing.
func TestTransientFailuresAreRetried(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 2)
	index := e.feedFromNow(e.create("a"))
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(7, 7))
	choose := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	var failures atomic.Int64
	faulty := e.proxy(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if !strings.HasSuffix(r.URL.Path, "/_bulk") {
			forward.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		switch choice := choose(6); choice {
		case 0:
			w.WriteHeader(http.StatusTooManyRequests)
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2: // written, and nobody learns it
			forward.ServeHTTP(answer, r)
			panic(http.ErrAbortHandler)
		case 3: // some items are turned away and not written
			body, refused := dropItems(t, r.Body, choose)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			forward.ServeHTTP(answer, r)
			_, _ = w.Write(putBack(t, answer.Body.Bytes(), refused))
		default:
			forward.ServeHTTP(w, r)
			return
		}
		failures.Add(1)
	})
	e.start(faulty)
	for from := int64(1); from < 400; from += 20 {
		e.publishMany(from, from+20)
		e.finished(index)
	}
	e.complete(index, 1, 401)
	if failures.Load() < 10 {
		t.Errorf("only %d failures were made: the test tests nothing", failures.Load())
	}
}

// A request that is too large as a whole is sent in parts.
func TestTooLargeRequestsAreCut(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 1)
	index := e.feedFromNow(e.create("a"))
	var refused atomic.Int64
	small := e.proxy(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		if r.ContentLength > 2000 {
			refused.Add(1)
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		forward.ServeHTTP(w, r)
	})
	e.publishMany(1, 200) // before the start, so that they come at once
	e.start(small)
	e.complete(index, 1, 200)
	if refused.Load() == 0 {
		t.Error("nothing was too large: the test tests nothing")
	}
}

// proxy is an HTTP server in front of the search cluster that may do as it likes.
func (e *env) proxy(handle func(w http.ResponseWriter, r *http.Request, forward http.Handler)) string {
	e.t.Helper()
	upstream, err := url.Parse(e.searchURL)
	if err != nil {
		e.t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(upstream)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, forward) }))
	e.t.Cleanup(server.Close)
	return server.URL
}

// dropItems takes items out of a bulk request; refused are their places and ids.
func dropItems(t testing.TB, body io.Reader, choose func(int) int) (kept []byte, refused map[int]string) {
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))
	refused = make(map[int]string)
	for i := 0; i+1 < len(lines); i += 2 { // documents only, two lines each
		var action struct {
			Index struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines[i], &action); err != nil {
			t.Error(err)
		}
		if i > 0 && choose(3) == 0 {
			refused[i/2] = action.Index.ID
			continue
		}
		kept = append(append(kept, lines[i]...), lines[i+1]...)
	}
	return append(bytes.TrimSuffix(kept, []byte("\n")), '\n'), refused
}

// putBack adds the answers of items that were taken out: the queue was full.
func putBack(t testing.TB, answer []byte, refused map[int]string) []byte {
	var a struct {
		Items []any `json:"items"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Errorf("%v: %s", err, answer)
	}
	var all []any
	for kept := a.Items; len(kept) > 0 || refused[len(all)] != ""; {
		if id := refused[len(all)]; id != "" {
			all = append(all, map[string]any{"index": map[string]any{"_id": id, "status": 429, "error": map[string]string{"type": "rejected_execution_exception", "reason": "full"}}})
			continue
		}
		all, kept = append(all, kept[0]), kept[1:]
	}
	out, err := json.Marshal(map[string]any{"items": all})
	if err != nil {
		t.Error(err)
	}
	return out
}
