//go:build bench

package api_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"movies/internal/config"
	"movies/internal/generate"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/search/opensearch"
)

// TestBenchSearch measures the API, without any cache, beside the same DSL sent
// raw to the engine, and the kinds of question beside the plain one, over
// BENCH_MOVIES generated movies (20,000).
func TestBenchSearch(t *testing.T) {
	n, _ := strconv.Atoi(cmp.Or(os.Getenv("BENCH_MOVIES"), "20000"))
	s := newService(t, nil)
	movies := s.generate(n)
	kinds := questions(movies)
	plain := 0.0
	for _, k := range kinds {
		raw := record(t, s.index, k.paths)
		var ours, reference, ratios []float64
		for round := range 4 {
			r := perSecond(t, len(k.paths), func(i int) error { return raw[i].send() })
			o := perSecond(t, len(k.paths), func(i int) error { return fetch(http.MethodGet, s.url+unkept(k.paths[i]), "", nil) })
			if round > 0 { // the first one warms up
				ours, reference, ratios = append(ours, o), append(reference, r), append(ratios, o/r)
			}
		}
		for _, v := range [][]float64{ours, reference, ratios} {
			slices.Sort(v)
		}
		if k.name == "plain" {
			plain = ours[1]
		}
		fmt.Printf("search-%s ours=%.0f/s reference=%.0f/s ratio=%.2f beside-plain=%.2f movies=%d\n", k.name, ours[1], reference[1], ratios[1], ours[1]/plain, n)
	}
}

// unkept writes an address so long that its answer is not kept by it.
func unkept(path string) string {
	separator := "&"
	if !strings.Contains(path, "?") {
		separator = "?"
	}
	return path + separator + strings.Repeat("&", 2048)
}

// generate fills the index.
func (s *service) generate(n int) []movie.Movie {
	g := generate.New(1)
	var all []movie.Movie
	for i := 0; i < n; i += 1000 {
		var some []movie.Movie
		for k := i; k < min(n, i+1000); k++ {
			some = append(some, g.Movie(int64(k)))
		}
		s.put(some...)
		if len(all) < 20_000 {
			all = append(all, some...)
		}
	}
	return all
}

// kind is a kind of question, as requests.
type kind struct {
	name  string
	paths []string
}

func questions(movies []movie.Movie) []kind {
	kinds := []kind{{name: "plain"}, {name: "two-words"}, {name: "typo"}, {name: "glued"}, {name: "year"}, {name: "facets"}, {name: "browse"}, {name: "browse-facets"}, {name: "suggest"}, {name: "similar"}}
	for i := 0; len(kinds[0].paths) < 60 && i < len(movies); i += 7 {
		m := movies[i]
		words := strings.Fields(m.Title)
		if len(words) < 2 || len(words[0]) < 5 || len(words[1]) < 4 || len(m.Genres) == 0 {
			continue
		}
		typo := words[0][:2] + words[0][3:] + " " + words[1]
		for k, path := range []string{
			"/v1/movies?q=" + url.QueryEscape(m.Title), "/v1/movies?q=" + url.QueryEscape(words[0]+" "+words[1]),
			"/v1/movies?q=" + url.QueryEscape(typo), "/v1/movies?q=" + url.QueryEscape(words[0]+words[1]),
			"/v1/movies?q=" + url.QueryEscape(words[0]+" "+strconv.Itoa(m.Year)), "/v1/movies?facets=genre,decade&q=" + url.QueryEscape(words[0]),
			"/v1/movies?genre=" + url.QueryEscape(m.Genres[0]) + "&year=" + strconv.Itoa(m.Year-9) + ".." + strconv.Itoa(m.Year),
			"/v1/movies?facets=genre,language,decade&year=" + strconv.Itoa(m.Year-i%40) + "..&votes=" + strconv.Itoa(i) + "..",
			"/v1/suggest?q=" + url.QueryEscape(m.Title[:1+i%4]), "/v1/movies/" + strconv.FormatInt(m.ID, 10) + "/similar",
		} {
			kinds[k].paths = append(kinds[k].paths, path)
		}
	}
	return kinds
}

// exchange is all that one request asks of the engine.
type exchange []engineRequest

type engineRequest struct {
	method, url, mediaType string
	body                   []byte
}

func (e exchange) send() error {
	for _, r := range e {
		if err := fetch(r.method, r.url, r.mediaType, r.body); err != nil {
			return err
		}
	}
	return nil
}

// record asks each path once, through a proxy in front of the engine.
func record(t *testing.T, index string, paths []string) []exchange {
	t.Helper()
	address, _ := stacktest.OpenSearch(t)
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen exchange
	forward := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, engineRequest{r.Method, address + r.URL.String(), r.Header.Get("Content-Type"), body})
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	client, err := opensearch.New(config.Search{URLs: []string{proxy.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	api, _ := serve(t, opensearch.NewSearcher(client, index, 20*time.Second))
	var out []exchange
	for _, path := range paths {
		seen = nil
		if err := fetch(http.MethodGet, api+path, "", nil); err != nil {
			t.Fatal(err)
		}
		out = append(out, seen)
	}
	return out
}

func fetch(method, address, mediaType string, body []byte) error {
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	response, err := benchClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, address, response.Status)
	}
	return nil
}

var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}

// perSecond does n things in turn with four workers, for a second at least.
func perSecond(t *testing.T, n int, do func(i int) error) float64 {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range 4 {
		all.Go(func() {
			for time.Since(begin) < time.Second {
				if err := do(int(next.Add(1)) % n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(next.Load()) / time.Since(begin).Seconds()
}
