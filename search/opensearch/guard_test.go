package opensearch_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"movies/internal/movie"
	"movies/mappings"
	"movies/search"
	"movies/search/opensearch"
)

// TestAnIndexThatIsNotUnderstoodIsNotAsked moves the alias of a running service
// to an index of a later release, and back.
func TestAnIndexThatIsNotUnderstoodIsNotAsked(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1, movie.Movie{Title: "Alien"})
	body, err := mappings.Index(mappings.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	mine, later := fmt.Sprintf(`"version":%d}`, mappings.Version), fmt.Sprintf(`"version":%d}`, mappings.Version+1)
	if !bytes.Contains(body, []byte(mine)) {
		t.Fatalf("no %s in the index body", mine)
	}
	next := c.index + "-later"
	if err := c.client.CreateIndex(t.Context(), next, bytes.Replace(body, []byte(mine), []byte(later), 1), opensearch.Facts{}); err != nil {
		t.Fatal(err)
	}
	alias := c.index + "-alias"
	move := func(from, to string) {
		t.Helper()
		actions := []opensearch.AliasAction{{Alias: alias, Index: to}}
		if from != "" {
			actions = append(actions, opensearch.AliasAction{Alias: alias, Index: from, Remove: true})
		}
		if err := c.client.UpdateAliases(t.Context(), actions...); err != nil {
			t.Fatal(err)
		}
	}
	move("", c.index)
	s := opensearch.NewSearcher(c.client, alias, 20*time.Second)
	ask := func() error {
		_, err := s.Search(t.Context(), search.Request{Text: "alien"})
		_, byID := s.Lookup(t.Context(), search.Lookup{IDs: []int64{1}})
		if (err == nil) != (byID == nil) {
			return nil // between two looks
		}
		return err
	}
	if err := errors.Join(ask(), s.Understood(t.Context())); err != nil {
		t.Fatal(err)
	}
	move(c.index, next)
	until(t, "the index is refused", func() bool {
		err := ask()
		return errors.Is(err, movie.ErrUnavailable) && strings.Contains(err.Error(), fmt.Sprintf("mapping version %d", mappings.Version+1))
	})
	if err := s.Understood(t.Context()); !errors.Is(err, movie.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	if _, err := opensearch.NewSearcher(c.client, alias, 20*time.Second).Suggest(t.Context(), search.SuggestRequest{Text: "al"}); !errors.Is(err, movie.ErrUnavailable) {
		t.Errorf("the first question of a new process: %v", err)
	}
	move(next, c.index)
	until(t, "the index is asked again", func() bool { return ask() == nil })
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !met(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
