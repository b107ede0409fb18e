//go:build acceptance

package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// editorsFindTheirWrites changes a movie as an editor again and again: once
// min_revision answers, a search finds the change. The bound is that of fresh; how
// long it takes is told.
func (n *newcomer) editorsFindTheirWrites() {
	n.t.Helper()
	const edits = 40
	took := make([]time.Duration, edits)
	revision := n.edit(http.MethodPost, "/v1/movies", "", `{"id":9900200,"title":"Written"}`)
	for i := range edits {
		word := fmt.Sprintf("bandicoot%d", i)
		revision = n.edit(http.MethodPatch, "/v1/movies/9900200", revision, `{"title":"Written `+word+`"}`)
		began := time.Now()
		if _, err := n.get("/v1/movies/9900200?min_revision=" + revision); err != nil {
			n.t.Fatal(err)
		}
		took[i] = time.Since(began)
		if err := n.shows("/v1/movies?q="+word, `"id":9900200`); err != nil {
			n.t.Errorf("after min_revision=%s: %v", revision, err)
		}
	}
	slices.Sort(took)
	n.t.Logf("min_revision waited %d ms at the median of %d edits, %d ms at most", took[edits/2].Milliseconds(), edits, took[edits-1].Milliseconds())
	if took[edits-1] > fresh {
		n.t.Errorf("min_revision waited %s, the bound is %s", took[edits-1], fresh)
	}
	n.edit(http.MethodDelete, "/v1/movies/9900200", revision, "")
}

// edit writes with the editor's token, and returns the movie's new revision.
func (n *newcomer) edit(method, path, revision, body string) string {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.env["API_URL"]+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+n.env["DEMO_EDITOR_TOKEN"])
	r.Header.Set("Content-Type", "application/json")
	if revision != "" {
		r.Header.Set("If-Match", `"`+revision+`"`)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= 300 {
		n.t.Fatalf("%s %s: %s %s, %v", method, path, res.Status, answer, err)
	}
	return res.Header.Get("X-Revision")
}
