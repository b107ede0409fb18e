package opensearch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
	"movies/search/opensearch"
)

func TestIndexName(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	if got, want := opensearch.IndexName("p-", 2, at), "p-movies-v2-20260203t030506z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIndexRemembersItsFacts(t *testing.T) {
	t.Parallel()
	c, index, missing := probeIndex(t)
	got, err := c.Indices(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	want := []opensearch.Index{{Name: index, MappingVersion: 7,
		Facts: opensearch.Facts{CreatedAt: time.Unix(1e9, 0).UTC(), CreatedBy: "test", Epoch: 3}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := c.Indices(t.Context(), missing); err != nil || len(got) > 0 {
		t.Errorf("an index that does not exist: %v, %v", got, err)
	}
}

func TestAliasesMoveTogether(t *testing.T) {
	t.Parallel()
	c, index, missing := probeIndex(t)
	read, feed := index+"-read", index+"-feed"
	err := c.UpdateAliases(t.Context(), opensearch.AliasAction{Alias: read, Index: index}, opensearch.AliasAction{Alias: feed, Index: index})
	if err != nil {
		t.Fatal(err)
	}
	// One impossible action, and none is carried out.
	err = c.UpdateAliases(t.Context(), opensearch.AliasAction{Alias: read, Index: index, Remove: true}, opensearch.AliasAction{Alias: read, Index: missing})
	if !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("an alias of an index that does not exist: got %v, want not found", err)
	}
	got, err := c.Indices(t.Context(), feed)
	if err != nil || len(got) != 1 {
		t.Fatalf("behind %s: %v, %v", feed, got, err)
	}
	if diff := cmp.Diff([]string{feed, read}, got[0].Aliases); diff != "" {
		t.Error(diff)
	}
	if !got[0].HasAlias(read) || got[0].HasAlias(missing) {
		t.Errorf("aliases %v", got[0].Aliases)
	}
}

// Taking the write alias away stops the writes, giving it back resumes them.
func TestWriteState(t *testing.T) {
	t.Parallel()
	c, index, missing := probeIndex(t)
	expect := func(index string, want opensearch.WriteState) {
		t.Helper()
		if got, err := c.WriteState(t.Context(), index); err != nil || got != want {
			t.Errorf("write state of %s: %v, %v; want %v", index, got, err, want)
		}
	}
	alias := opensearch.AliasAction{Alias: opensearch.WriteAlias(index), Index: index, Remove: true}
	expect(index, opensearch.Writable)
	expect(missing, opensearch.Gone)
	if err := c.UpdateAliases(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	expect(index, opensearch.Withheld)
	for name, items := range map[string][]any{"document": {1, 1, doc{"n": 1}}, "deletion": {1, 1, nil}} {
		if got := c.Bulk(t.Context(), index, bulk(t, items...))[0]; got.Outcome != opensearch.Refused {
			t.Errorf("%s: got %+v, want refused", name, got)
		}
	}
	alias.Remove = false
	if err := c.UpdateAliases(t.Context(), alias); err != nil {
		t.Fatal(err)
	}
	expect(index, opensearch.Writable)
	if got := c.Bulk(t.Context(), index, bulk(t, 1, 1, doc{"n": 1}))[0]; got.Outcome != opensearch.Done {
		t.Errorf("got %+v, want done", got)
	}
}

func TestSettingsAndStats(t *testing.T) {
	t.Parallel()
	c, index, _ := probeIndex(t)
	if err := c.PutSettings(t.Context(), index, map[string]any{"index.refresh_interval": "-1"}); err != nil {
		t.Fatal(err)
	}
	c.Bulk(t.Context(), index, bulk(t, 1, 1, doc{"n": 1}, 2, 1, doc{"n": 2}))
	if err := c.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	stats, err := c.Stats(t.Context(), index)
	if err != nil || stats.Docs != 2 || stats.PrimaryBytes == 0 || stats.TotalBytes < stats.PrimaryBytes {
		t.Errorf("got %+v, %v; want 2 documents and their size", stats, err)
	}
	for range 2 { // the second time there is nothing to delete
		if err := c.DeleteIndex(t.Context(), index); err != nil {
			t.Error(err)
		}
	}
	if err := c.PutSettings(t.Context(), index, map[string]any{"index.refresh_interval": "1s"}); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("settings of a deleted index: got %v, want not found", err)
	}
}
