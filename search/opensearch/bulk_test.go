package opensearch_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/search/opensearch"
)

// probeIndex makes an index with one field, and names one that does not exist.
func probeIndex(t *testing.T) (c *opensearch.Client, index, missing string) {
	t.Helper()
	url, prefix := stacktest.OpenSearch(t)
	c = newClient(t, url)
	index = prefix + "probe"
	body := `{"settings":{"index":{"number_of_shards":1,"number_of_replicas":0}},
		"mappings":{"_meta":{"version":7},"dynamic":"strict","properties":{"n":{"type":"integer"}}}}`
	facts := opensearch.Facts{CreatedAt: time.Unix(1e9, 0).UTC(), CreatedBy: "test", Epoch: 3}
	if err := c.CreateIndex(t.Context(), index, []byte(body), facts); err != nil {
		t.Fatal(err)
	}
	return c, index, prefix + "missing"
}

func newClient(t testing.TB, url string) *opensearch.Client {
	t.Helper()
	c, err := opensearch.New(config.Search{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

type doc map[string]any

// bulk is a request of operations: a doc is indexed, nil is deleted.
func bulk(t *testing.T, items ...any) *opensearch.Bulk {
	t.Helper()
	b := new(opensearch.Bulk)
	for i := 0; i < len(items); i += 3 {
		id, version := int64(items[i].(int)), movie.Version(items[i+1].(int))
		if items[i+2] == nil {
			b.Delete(id, version)
		} else if err := b.Index(id, version, items[i+2]); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func outcomes(results []opensearch.Result) (all []opensearch.Outcome) {
	for _, r := range results {
		all = append(all, r.Outcome)
	}
	return all
}

func TestEveryOutcomeOfTheRealEngine(t *testing.T) {
	t.Parallel()
	c, index, missing := probeIndex(t)
	const done, superseded, poison, refused = opensearch.Done, opensearch.Superseded, opensearch.Poison, opensearch.Refused
	for _, step := range []struct {
		name  string
		index string
		items []any
		want  []opensearch.Outcome
	}{
		{"new", index, []any{1, 10, doc{"n": 1}, 2, 10, doc{"n": 2}}, []opensearch.Outcome{done, done}},
		{"replaced, equal, older", index, []any{1, 11, doc{"n": 1}, 2, 10, doc{"n": 2}, 2, 9, doc{"n": 3}}, []opensearch.Outcome{done, superseded, superseded}},
		{"deleted, not there, older", index, []any{1, 12, nil, 3, 5, nil, 2, 1, nil}, []opensearch.Outcome{done, done, superseded}},
		{"a late write does not undo a deletion", index, []any{1, 11, doc{"n": 1}, 3, 4, doc{"n": 1}}, []opensearch.Outcome{superseded, superseded}},
		{"documents refused beside accepted ones", index, []any{4, 1, doc{"n": "x"}, 5, 1, doc{"m": 1}, 6, 1, doc{"n": 1}, 7, 1, []int{1}}, []opensearch.Outcome{poison, poison, done, poison}},
		{"the highest version", index, []any{8, math.MaxInt64, doc{"n": 1}, 8, math.MaxInt64 - 1, doc{"n": 1}}, []opensearch.Outcome{done, superseded}},
		{"no such index", missing, []any{1, 1, doc{"n": 1}, 2, 1, nil}, []opensearch.Outcome{refused, refused}},
	} {
		results := c.Bulk(t.Context(), step.index, bulk(t, step.items...))
		if diff := cmp.Diff(step.want, outcomes(results)); diff != "" {
			t.Errorf("%s: %s\n%+v", step.name, diff, results)
		}
		for _, r := range results {
			if explained := r.Outcome != done && r.Outcome != superseded; explained != (r.Reason != "") {
				t.Errorf("%s: outcome %v has the reason %q", step.name, r.Outcome, r.Reason)
			}
		}
	}
}

// A write never makes an index, not even where the cluster is told to make
// indices as they are asked for: neither a document nor a deletion, which with an
// external version would.
func TestBulkNeverCreatesAnIndex(t *testing.T) {
	t.Parallel()
	c, _, missing := probeIndex(t)
	url, _ := stacktest.OpenSearch(t)
	allow := func(ctx context.Context, pattern string) {
		put(ctx, t, url+"/_cluster/settings", `{"persistent":{"action.auto_create_index":`+pattern+`}}`)
	}
	allow(t.Context(), `"+`+missing+`*,-*"`)
	defer allow(context.WithoutCancel(t.Context()), "null")
	for name, items := range map[string][]any{"document": {1, 1, doc{"n": 1}}, "deletion": {1, 1, nil}} {
		if got := c.Bulk(t.Context(), missing, bulk(t, items...))[0]; got.Outcome != opensearch.Refused {
			t.Errorf("%s: got %+v, want refused", name, got)
		}
	}
	if found, err := c.Indices(t.Context(), missing+"*"); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v; want no index", found, err)
	}
}

func put(ctx context.Context, t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(res.Body)
		t.Fatalf("PUT %s: %s", url, answer)
	}
}

// A request that fails as a whole is the result of each of its items.
func TestBulkWholeRequestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		items  int
		want   opensearch.Outcome
	}{
		"overloaded":          {429, `{"error":{"type":"circuit_breaking_exception","reason":"full"},"status":429}`, 3, opensearch.Retry},
		"a proxy's page":      {502, `<html>`, 3, opensearch.Retry},
		"too large":           {413, ``, 3, opensearch.TooLarge},
		"one too large":       {413, ``, 1, opensearch.Poison},
		"index not found":     {404, `{"error":{"type":"index_not_found_exception","reason":"x"},"status":404}`, 3, opensearch.Refused},
		"cut off":             {200, `{"items":[{"index":{"_id":"0","status":201}},`, 3, opensearch.Retry},
		"an item is missing":  {200, `{"items":[{"index":{"_id":"0","status":201}}]}`, 2, opensearch.Retry},
		"items of others":     {200, `{"items":[{"index":{"_id":"5","status":201}}]}`, 1, opensearch.Retry},
		"not even the items":  {200, `{}`, 1, opensearch.Retry},
		"another kind of one": {200, `{"items":[{"delete":{"_id":"0","status":200}}]}`, 1, opensearch.Retry},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		b := new(opensearch.Bulk)
		for i := range c.items {
			if err := b.Index(int64(i), 1, doc{}); err != nil {
				t.Fatal(err)
			}
		}
		before := bytes.Clone(b.Bytes())
		results := newClient(t, server.URL).Bulk(t.Context(), "x", b)
		server.Close()
		if len(results) != c.items {
			t.Errorf("%s: %d results for %d items", name, len(results), c.items)
		}
		for _, r := range results {
			if r.Outcome != c.want || r.Reason == "" {
				t.Errorf("%s: got %+v, want %v", name, r, c.want)
			}
		}
		if !bytes.Equal(before, b.Bytes()) {
			t.Errorf("%s: the request has changed and cannot be sent again", name)
		}
	}
}

func TestBulkUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	got := newClient(t, server.URL).Bulk(t.Context(), "x", bulk(t, 1, 1, doc{}))
	if got[0].Outcome != opensearch.Retry || got[0].Reason == "" {
		t.Errorf("got %+v, want retry", got)
	}
}

// Keep and Cut leave requests whose lines belong to their items.
func TestBulkKeepAndCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := new(opensearch.Bulk)
		var want []string
		for i := range rapid.IntRange(0, 20).Draw(t, "items") {
			if rapid.Bool().Draw(t, "deletion") {
				b.Delete(int64(i), 1)
				want = append(want, fmt.Sprintf("delete %d", i))
				continue
			}
			text := rapid.String().Draw(t, "text")
			if err := b.Index(int64(i), 1, doc{"text": text}); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("index %d %q", i, text))
		}
		keep := rapid.SliceOfN(rapid.Bool(), b.Len(), b.Len()).Draw(t, "keep")
		b.Keep(func(i int) bool { return keep[i] })
		var kept []string
		for i, k := range keep {
			if k {
				kept = append(kept, want[i])
			}
		}
		rest := b.Cut()
		if b.Len()+rest.Len() != len(kept) || rest.Len() < b.Len() && len(kept) > 1 {
			t.Fatalf("cut %d items into %d and %d", len(kept), b.Len(), rest.Len())
		}
		if diff := cmp.Diff(kept, append(lines(t, b), lines(t, rest)...)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// lines reads a request back.
func lines(t *rapid.T, b *opensearch.Bulk) (items []string) {
	s := bufio.NewScanner(bytes.NewReader(b.Bytes()))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var action struct {
			Index, Delete *struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(s.Bytes(), &action); err != nil {
			t.Fatal(err)
		}
		if action.Delete != nil {
			items = append(items, "delete "+action.Delete.ID)
			continue
		}
		var d doc
		if !s.Scan() {
			t.Fatal("an action without its document")
		}
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		items = append(items, fmt.Sprintf("index %s %q", action.Index.ID, d["text"]))
	}
	if len(items) != b.Len() {
		t.Fatalf("the body has %d items, the request %d", len(items), b.Len())
	}
	return items
}

func TestBulkRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	b := bulk(t, 1, 1, doc{"n": 1})
	before := string(b.Bytes())
	if err := b.Index(2, 1, doc{"n": math.NaN()}); err == nil {
		t.Error("NaN was accepted")
	}
	if b.Len() != 1 || string(b.Bytes()) != before {
		t.Errorf("it left %d items, %s", b.Len(), b.Bytes())
	}
	if err := b.Index(3, 1, doc{"n": 2}); err != nil || b.Len() != 2 {
		t.Errorf("the next one: %v, %d items", err, b.Len())
	}
}

// An engine's error has the kind that its status means.
func TestErrorKinds(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{404: movie.ErrNotFound, 429: movie.ErrUnavailable, 503: movie.ErrUnavailable} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"type":"t","reason":"because"},"status":1}`)
		}))
		err := newClient(t, server.URL).Ping(t.Context())
		server.Close()
		var e *opensearch.Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Type != "t" || e.Reason != "because" {
			t.Errorf("%d: got %v, want kind %v", status, err, want)
		}
	}
}
