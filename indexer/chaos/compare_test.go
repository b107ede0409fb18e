//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/postgres"
	"movies/mappings"
)

// compare compares every index that is fed with the database: first by reindex
// verify, which waits until everything committed has had to arrive, and then
// document by document, past all of the service's own ways to read an index.
// What was parked is a difference, too: no document here is wrong.
func (s *service) compare() (differences []string) {
	s.t.Helper()
	truth := s.truth()
	var fed map[string]any
	s.ask("/_alias/movies-feed", &fed)
	if len(fed) == 0 || len(truth) == 0 {
		s.t.Fatalf("%d indices are fed from %d movies: nothing to compare", len(fed), len(truth))
	}
	for index := range fed {
		differences = append(differences, s.verify(index)...)
		found := s.documents(index)
		for id := range maps.Keys(found) {
			if _, there := truth[id]; !there {
				differences = append(differences, fmt.Sprintf("%s: document %s is of no movie", index, id))
			}
		}
		for id, want := range truth {
			if diff := cmp.Diff(want, found[id]); diff != "" {
				differences = append(differences, fmt.Sprintf("%s: document %s differs (-database +index):\n%s", index, id, diff))
			}
		}
		s.t.Logf("%s: %d documents compared", index, len(truth))
	}
	if parked, err := s.command("reindex", "dlq", "list", "--json"); err != nil || strings.TrimSpace(string(parked)) != "[]" {
		differences = append(differences, fmt.Sprintf("dead letters: %s, %v", parked, err))
	}
	return differences
}

// verify has the service's own comparison look, as soon as it can.
func (s *service) verify(index string) (differences []string) {
	s.t.Helper()
	s.eventually("reindex verify succeeds", 2*time.Minute, func() error {
		output, err := s.command("reindex", "verify", "--index", index)
		if differ(err) {
			differences, err = []string{string(output)}, nil
		}
		return err
	})
	return differences
}

// truth are the documents that there should be, by id.
func (s *service) truth() map[string]any {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	pool, err := pgxpool.New(ctx, s.DatabaseURL)
	check(s.t, err)
	defer pool.Close()
	ids := make([]int64, movies)
	for i := range ids {
		ids[i] = int64(i) + 1
	}
	there, err := postgres.Documents(ctx, pool, ids)
	check(s.t, err)
	truth := make(map[string]any, len(there))
	for _, m := range there {
		raw, err := json.Marshal(mappings.Project(m))
		check(s.t, err)
		var document any
		check(s.t, json.Unmarshal(raw, &document))
		truth[fmt.Sprint(m.ID)] = document
	}
	return truth
}

// documents are those that an index holds, by id.
func (s *service) documents(index string) map[string]any {
	s.t.Helper()
	s.ask("/"+index+"/_refresh", &struct{}{})
	var answer struct {
		Hits struct {
			Hits []struct {
				ID     string `json:"_id"`
				Source any    `json:"_source"`
			}
		}
	}
	s.ask("/"+index+"/_search?size=10000", &answer)
	found := make(map[string]any, len(answer.Hits.Hits))
	for _, hit := range answer.Hits.Hits {
		found[hit.ID] = hit.Source
	}
	return found
}

// ask asks OpenSearch, past the proxies.
func (s *service) ask(path string, answer any) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.SearchURL+path, nil)
	check(s.t, err)
	response, err := http.DefaultClient.Do(request)
	check(s.t, err)
	raw, err := io.ReadAll(response.Body)
	check(s.t, errors.Join(err, response.Body.Close()))
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s: %s", path, response.Status, slices.Clip(raw))
	}
	check(s.t, json.Unmarshal(raw, answer))
}
