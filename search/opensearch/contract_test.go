package opensearch_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stackpom "movies/deploy/stack"
	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/stack"
	"movies/internal/stack/stacktest"
	"movies/search/opensearch"
)

// What the sync relies on holds on every engine that the service may be pointed
// at. The tests beside this one look closer, at the engine of the stack.

func TestContractOfTheStacksEngine(t *testing.T) {
	t.Parallel()
	url, prefix := stacktest.OpenSearch(t)
	contract(t, config.Search{URLs: []string{url}}, prefix)
}

func TestContractOfOpenSearch2(t *testing.T) {
	t.Parallel()
	s := ownStack(t)
	err := s.StartOpenSearch2(t.Context())
	if errors.Is(err, stack.ErrNoOldJDK) {
		t.Skip(err) // nothing that is fetched could change that
	}
	if err != nil {
		t.Fatal(err)
	}
	contract(t, config.Search{URLs: []string{s.SearchURL}}, "")
}

func TestContractOfElasticsearch(t *testing.T) {
	t.Parallel()
	e, err := ownStack(t).StartElasticsearch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	withKey := config.Search{URLs: []string{e.URL}, CAFile: e.CAFile, APIKey: config.Secret(e.APIKey)}
	withUser := config.Search{URLs: []string{e.URL}, CAFile: e.CAFile, User: e.User, Password: config.Secret(e.Password)}
	contract(t, withKey, "key-")
	contract(t, withUser, "user-")
	for name, bad := range map[string]config.Search{
		"no credentials":       {URLs: withKey.URLs, CAFile: e.CAFile},
		"a wrong key":          {URLs: withKey.URLs, CAFile: e.CAFile, APIKey: "d3Jvbmc6d3Jvbmc="},
		"an unknown authority": {URLs: withKey.URLs, APIKey: withKey.APIKey},
	} {
		c := contractClient(t, bad)
		if err := c.Ping(t.Context()); err == nil {
			t.Errorf("%s: the server is reached", name)
		}
		if r := c.Bulk(t.Context(), "key-probe", bulk(t, 1, 1000, doc{"n": 1}))[0]; r.Outcome != opensearch.Retry {
			t.Errorf("%s: %+v, want that the item is kept to be tried again", name, r)
		}
	}
}

// ownStack is a stack without any server yet.
func ownStack(t *testing.T) *stack.Stack {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a server, and -short asks for tests that need none")
	}
	dir := filepath.Join("..", "..", ".local", "engines", t.Name())
	s, err := stack.Open(stack.Options{Dir: dir, POM: stackpom.POM, SearchHeap: 512, Ephemeral: true, Report: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := errors.Join(s.Stop(ctx), stack.Clean(dir, func(string) {})); err != nil {
			t.Error(err)
		}
	})
	return s
}

func contractClient(t *testing.T, cfg config.Search) *opensearch.Client {
	t.Helper()
	c, err := opensearch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// contract makes an index and does to it what a relay, an indexer and an operator
// do.
func contract(t *testing.T, cfg config.Search, prefix string) {
	t.Helper()
	c := contractClient(t, cfg)
	ctx, index, other := t.Context(), prefix+"probe", prefix+"other"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Ping(ctx))
	body := []byte(`{"settings":{"index":{"number_of_shards":1,"number_of_replicas":0,"gc_deletes":"1h"}},
		"mappings":{"_meta":{"version":7},"dynamic":"strict","properties":{"n":{"type":"integer"}}}}`)
	must(c.CreateIndex(ctx, index, body, opensearch.Facts{CreatedBy: "contract", Epoch: 3, Floor: 5}))
	must(c.CreateIndex(ctx, other, body, opensearch.Facts{}))
	contractOfWrites(t, c, index)
	contractOfAliases(t, c, index, other)
	must(c.PutSettings(ctx, index, map[string]any{"index.refresh_interval": "-1"}))
	must(c.Refresh(ctx, index))
	if stats, err := c.Stats(ctx, index); err != nil || stats.Docs != 1 {
		t.Errorf("%+v, %v; want one document", stats, err)
	}
	must(c.DeleteIndex(ctx, index))
	must(c.DeleteIndex(ctx, other))
	if state, err := c.WriteState(ctx, index); err != nil || state != opensearch.Gone {
		t.Errorf("a deleted index is in state %v, %v", state, err)
	}
	if r := c.Bulk(ctx, index, bulk(t, 1, 1000, doc{"n": 1}, 2, 1000, nil)); !slices.Equal(outcomes(r), []opensearch.Outcome{opensearch.Refused, opensearch.Refused}) {
		t.Errorf("writes to a deleted index: %+v", r)
	}
}

func contractOfWrites(t *testing.T, c *opensearch.Client, index string) {
	t.Helper()
	const done, superseded, poison = opensearch.Done, opensearch.Superseded, opensearch.Poison
	for _, step := range []struct {
		name  string
		items []any
		want  []opensearch.Outcome
	}{
		{"new", []any{1, 10, doc{"n": 1}, 2, 10, doc{"n": 2}}, []opensearch.Outcome{done, done}},
		{"replaced, equal, older", []any{1, 11, doc{"n": 1}, 2, 10, doc{"n": 2}, 2, 9, doc{"n": 3}}, []opensearch.Outcome{done, superseded, superseded}},
		{"deleted, not there, older", []any{1, 12, nil, 3, 5, nil, 2, 1, nil}, []opensearch.Outcome{done, done, superseded}},
		{"late writes behind deletes", []any{1, 11, doc{"n": 1}, 3, 4, doc{"n": 1}}, []opensearch.Outcome{superseded, superseded}},
		{"refused beside accepted", []any{4, 1, doc{"n": "x"}, 5, 1, doc{"m": 1}, 2, 20, doc{"n": 4}}, []opensearch.Outcome{poison, poison, done}},
	} {
		results := c.Bulk(t.Context(), index, bulk(t, step.items...))
		if diff := cmp.Diff(step.want, outcomes(results)); diff != "" {
			t.Errorf("%s: %s\n%+v", step.name, diff, results)
		}
	}
}

func contractOfAliases(t *testing.T, c *opensearch.Client, index, other string) {
	t.Helper()
	ctx, read := t.Context(), index+"-read"
	expect := func(what string, want opensearch.WriteState, aliases ...string) {
		t.Helper()
		state, err1 := c.WriteState(ctx, index)
		found, err2 := c.Indices(ctx, index)
		if err := errors.Join(err1, err2); err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", what, found, err)
		}
		if state != want || !slices.Equal(found[0].Aliases, aliases) || found[0].MappingVersion != 7 || found[0].Facts.Floor != 5 {
			t.Errorf("%s: state %v, index %+v; want state %v, aliases %v", what, state, found[0], want, aliases)
		}
	}
	expect("new", opensearch.Writable)
	if err := c.UpdateAliases(ctx, opensearch.AliasAction{Alias: read, Index: index}); err != nil {
		t.Fatal(err)
	}
	err := c.UpdateAliases(ctx, opensearch.AliasAction{Alias: read, Index: index, Remove: true}, opensearch.AliasAction{Alias: read, Index: other + "-missing"})
	if !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("an impossible action: %v, want not found", err)
	}
	expect("after an impossible action", opensearch.Writable, read)

	if err := c.Hold(ctx, index, "a"); err != nil {
		t.Fatal(err)
	}
	expect("held", opensearch.Withheld, read)
	if r := c.Bulk(ctx, index, bulk(t, 2, 30, doc{"n": 5}))[0]; r.Outcome != opensearch.Refused {
		t.Errorf("a write to a held index: %+v", r)
	}
	swap := []opensearch.AliasAction{{Alias: read, Index: index, Remove: true}, {Alias: read, Index: other}}
	if released, err := c.Release(ctx, index); err != nil || !released {
		t.Errorf("released %v, %v", released, err)
	}
	if err := c.EndHold(ctx, index, "a", swap...); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("a swap whose hold has expired: %v, want not found", err)
	}
	expect("a swap whose hold has expired", opensearch.Writable, read)
	if err := errors.Join(c.Hold(ctx, index, "b"), c.EndHold(ctx, index, "b", swap...)); err != nil {
		t.Fatal(err)
	}
	expect("swapped", opensearch.Writable)
	if released, err := c.Release(ctx, index); err != nil || released {
		t.Errorf("an index that is not held is released: %v, %v", released, err)
	}
}
