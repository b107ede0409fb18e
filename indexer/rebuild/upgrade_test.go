package rebuild

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"movies/mappings"
	"movies/search"
	"movies/search/opensearch"
)

// previous is the mapping of the release before, without a field that documents
// have today: as it would be if that had been added since.
func (e *env) previous() mapping {
	e.Helper()
	version := mappings.Version - 1
	path := fmt.Sprintf("../../mappings/testdata/index-v%d.json", version)
	raw, err := os.ReadFile(path) //nolint:gosec // a file of the tree
	if err != nil {
		e.Fatalf("mappings.Version is %d: keep what index.json was before as %s, so that the upgrade is tested: %v", mappings.Version, path, err)
	}
	return mapping{version, func(o mappings.Options) ([]byte, error) {
		var body map[string]map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			return nil, err
		}
		fields, settings := body["mappings"]["properties"].(map[string]any), body["settings"]["index"].(map[string]any)
		if body["mappings"]["_meta"].(map[string]any)["version"] != float64(version) || fields["poster_url"] == nil {
			return nil, fmt.Errorf("%s is not mapping version %d with a poster_url", path, version)
		}
		delete(fields, "poster_url")
		settings["number_of_shards"], settings["number_of_replicas"] = o.Shards, o.Replicas
		return json.Marshal(body)
	}}
}

// TestUpgradeFromThePreviousMapping puts this release beside an index of the one
// before: it feeds it and answers from it, documents with a field that it does not
// know included, without a rebuild. Then it rebuilds, and rolls back, while
// writers write and readers read, by the service's own reader among others.
func TestUpgradeFromThePreviousMapping(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(300)
	before := e.rebuilder("the release before")
	before.mapping = e.previous()
	first, err := before.Run(t.Context(), defaults)
	e.check(err)
	e.exec(`UPDATE movies SET poster_url = 'https://example.org/7.jpg' WHERE id = 7`)
	e.wantSame(first.Index)

	watch, stop, ask := e.observe(), e.writers(), e.asked()
	second := e.run()
	if second.Previous != first.Index || e.reading() != second.Index {
		t.Errorf("got %+v", second)
	}
	status, err := e.rebuilder("alice").Status(t.Context())
	e.check(err)
	if len(status.Indices) != 2 || status.Indices[0].MappingVersion != mappings.Version-1 || status.Indices[1].MappingVersion != mappings.Version ||
		!status.Indices[0].Understood || !status.Indices[1].Reads {
		t.Errorf("status: %+v", status.Indices)
	}
	if _, to, err := e.rebuilder("alice").Rollback(t.Context()); err != nil || to != first.Index {
		t.Errorf("rollback to %q: %v", to, err)
	}
	if _, to, err := e.rebuilder("alice").Rollback(t.Context()); err != nil || to != second.Index {
		t.Errorf("rollback of the rollback to %q: %v", to, err)
	}
	ask()
	stop()
	watch()
	e.wantSame(first.Index)
	e.wantSame(second.Index)
}

// asked asks as the api does, again and again, for a text and for an id, until
// the returned function is called; every question must be answered.
func (e *env) asked() (stop func()) {
	s := opensearch.NewSearcher(e.engine, e.indices+opensearch.ReadAlias, 30*time.Second)
	n := 0
	end := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-e.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			result, err := s.Search(e.Context(), search.Request{Text: "movie 7", Highlight: true, Facets: []search.Facet{search.FacetGenre}})
			if err != nil || len(result.Items) == 0 {
				e.Errorf("a search failed: %+v, %v", result, err)
				return
			}
			items, err := s.Lookup(e.Context(), search.Lookup{IDs: []int64{7}})
			if err != nil || len(items) != 1 || items[0].Movie.PosterURL == "" {
				e.Errorf("a lookup failed: %+v, %v", items, err)
				return
			}
			n++
		}
	}()
	return func() {
		close(end)
		<-done
		if n < 3 {
			e.Errorf("only %d questions were asked", n)
		}
	}
}

// TestAnIndexOfALaterReleaseIsRefused: this release neither feeds nor replaces
// what it does not understand without saying so.
func TestAnIndexOfALaterReleaseIsRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.seed(20)
	index := e.run().Index
	e.tamper(http.MethodPut, "/"+index+"/_mapping", fmt.Sprintf(`{"_meta":{"version":%d}}`, mappings.Version+1))
	s := opensearch.NewSearcher(e.engine, e.indices+opensearch.ReadAlias, 30*time.Second)
	if _, err := s.Search(t.Context(), search.Request{Text: "movie"}); err == nil {
		t.Error("it was asked")
	}
	status, err := e.rebuilder("alice").Status(t.Context())
	if err != nil || status.Indices[0].Understood {
		t.Errorf("status: %+v, %v", status, err)
	}
}
