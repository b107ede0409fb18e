package api_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/api"
	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/telemetry"
	"movies/search"
	"movies/search/guard"
	"movies/search/opensearch"
)

// TestEngineGone: the engine's port is closed, or takes connections and never
// answers. Readers hear so quickly, and readiness tells why.
func TestEngineGone(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, address := range map[string]string{"closed": closed.Addr().String(), "silent": listener.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := opensearch.New(config.Search{URLs: []string{"http://" + address}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			url, _ := serve(t, opensearch.NewSearcher(client, "movies", time.Minute), func(o *api.Options) {
				o.ReadTimeout = 200 * time.Millisecond
				o.Ready = map[string]telemetry.Check{"search": client.Ping}
			})
			for _, path := range []string{"/v1/movies?q=x", "/v1/movies", "/v1/movies/1", "/v1/movies?ids=1", "/v1/movies/1/similar", "/v1/people/1", "/v1/suggest?q=x"} {
				started := time.Now()
				a := ask(t, http.MethodGet, url+path)
				a.mustFail(t, 503)
				if a.header.Get("Retry-After") == "" || time.Since(started) > 3*time.Second {
					t.Errorf("%s: Retry-After %q after %v", path, a.header.Get("Retry-After"), time.Since(started))
				}
			}
			ready := ask(t, http.MethodGet, url+"/readyz")
			if ready.status != 503 || !strings.Contains(string(ready.body), `"search":`) {
				t.Errorf("readyz: %d %s", ready.status, ready.body)
			}
			if alive := ask(t, http.MethodGet, url+"/healthz"); alive.status != 200 {
				t.Errorf("healthz: %d", alive.status)
			}
		})
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	if a := s.get("/readyz"); a.status != 200 || !strings.Contains(string(a.body), `"search":"ok"`) {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
}

// TestMissingIndexIsUnavailable: a service that started before its first index
// says so, rather than that there are no movies.
func TestMissingIndexIsUnavailable(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	if err := s.client.DeleteIndex(t.Context(), s.index); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/movies", "/v1/movies/1", "/v1/suggest?q=x"} {
		s.get(path).mustFail(t, 503)
	}
}

// TestMinRevisionWaits: a reader who names a revision gets it or hears that it is
// not there yet, in bounded time.
func TestMinRevisionWaits(t *testing.T) {
	t.Parallel()
	s := newService(t, films(), func(o *api.Options) { o.RevisionWait = 20 * time.Second })
	answered := make(chan answer, 1)
	go func() { answered <- s.get("/v1/movies/1?min_revision=2") }()
	select {
	case a := <-answered:
		t.Fatalf("did not wait: %d %s", a.status, a.body)
	case <-time.After(300 * time.Millisecond):
	}
	changed := films()[0]
	changed.Revision, changed.Title = 2, "Alien, changed"
	s.put(changed)
	if a := <-answered; a.status != 200 || a.header.Get("X-Revision") != "2" || !strings.Contains(string(a.body), "Alien, changed") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.get("/v1/movies/1?min_revision=1"); a.status != 200 {
		t.Errorf("an older revision: %d", a.status)
	}
}

func TestMinRevisionIsBounded(t *testing.T) {
	t.Parallel()
	s := newService(t, films(), func(o *api.Options) { o.RevisionWait = 300 * time.Millisecond })
	for path, status := range map[string]int{"/v1/movies/1?min_revision=9": 412, "/v1/movies/77?min_revision=1": 404} {
		started := time.Now()
		a := s.get(path)
		a.mustFail(t, status)
		if took := time.Since(started); took < 100*time.Millisecond || took > 10*time.Second || (a.header.Get("Retry-After") == "") != (status == 404) {
			t.Errorf("%s: after %v, Retry-After %q", path, took, a.header.Get("Retry-After"))
		}
	}
}

// slow answers when it is let go.
type slow struct {
	search.Searcher
	entered chan struct{}
	release chan struct{}
}

func (s slow) Lookup(ctx context.Context, _ search.Lookup) ([]search.Item, error) {
	s.entered <- struct{}{}
	select {
	case <-s.release:
		return []search.Item{{Movie: movie.Movie{ID: 1, Title: "Alien"}}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestExcessIsShed: what is above capacity is refused at once, and only that.
func TestExcessIsShed(t *testing.T) {
	t.Parallel()
	searcher := slow{entered: make(chan struct{}, 8), release: make(chan struct{})}
	guarded, err := guard.New(searcher, guard.Options{MaxConcurrent: 2, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	url, logs := serve(t, guarded)
	answers := make(chan answer, 2)
	for range 2 {
		go func() { answers <- ask(t, http.MethodGet, url+"/v1/movies/1") }()
		<-searcher.entered
	}
	a := ask(t, http.MethodGet, url+"/v1/movies/1")
	a.mustFail(t, 503)
	if a.header.Get("Retry-After") != "1" || logs.String() != "" {
		t.Errorf("Retry-After is %q, and logged was %s", a.header.Get("Retry-After"), logs)
	}
	close(searcher.release)
	for range 2 {
		if a := <-answers; a.status != 200 {
			t.Errorf("one of those under way got %d", a.status)
		}
	}
	if a := ask(t, http.MethodGet, url+"/v1/movies/1"); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

// TestSlowAnswersAreCutOff: nobody waits longer than the read timeout.
func TestSlowAnswersAreCutOff(t *testing.T) {
	t.Parallel()
	url, logs := serve(t, slow{entered: make(chan struct{}, 8)}, func(o *api.Options) { o.ReadTimeout = 100 * time.Millisecond })
	a := ask(t, http.MethodGet, url+"/v1/movies/1")
	a.mustFail(t, 503)
	eventually(t, "the slowness is logged", func() bool { return strings.Contains(logs.String(), "unavailable") })
}
