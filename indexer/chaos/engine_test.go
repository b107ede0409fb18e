//go:build chaos

package chaos

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// engine stands before OpenSearch. While it is told to refuse, it turns away some
// items of every bulk request, the same movies all the while, so that newer
// changes of others pass them.
type engine struct {
	t       testing.TB
	forward *httputil.ReverseProxy
	spell   atomic.Int64 // odd while items are refused
}

func newEngine(t testing.TB, target string) *engine {
	u, err := url.Parse(target)
	check(t, err)
	e := &engine{t: t, forward: httputil.NewSingleHostReverseProxy(u)}
	e.forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as the server would
	return e
}

// refuse begins a spell of refusals or ends it.
func (e *engine) refuse(on bool) {
	if (e.spell.Load()%2 == 1) != on {
		e.spell.Add(1)
	}
}

// ServeHTTP implements http.Handler.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	spell := e.spell.Load()
	if spell%2 == 0 || !strings.HasSuffix(r.URL.Path, "/_bulk") {
		e.forward.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone
	}
	items := split(body)
	kept := []byte{}
	for i := range items {
		if items[i].refused = items[i].sum(spell)%3 == 0; !items[i].refused {
			kept = append(kept, items[i].lines...)
		}
	}
	inner := httptest.NewRecorder()
	if len(kept) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(kept)), int64(len(kept))
		e.forward.ServeHTTP(inner, r)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(inner.Code)
	_, _ = w.Write(merge(items, inner))
}

// item is one item of a bulk request.
type item struct {
	verb, id string
	lines    []byte
	refused  bool
}

// sum is a number that depends on the movie and the spell.
func (i *item) sum(spell int64) (sum int) {
	for _, digit := range i.id {
		sum += int(digit) * int(spell)
	}
	return sum
}

// split takes a bulk request apart.
func split(body []byte) (items []item) {
	for lines := bytes.SplitAfter(body, []byte("\n")); len(lines) > 1; {
		var action map[string]struct {
			ID string `json:"_id"`
		}
		_ = json.Unmarshal(lines[0], &action)
		for verb, target := range action {
			n := 1
			if verb == "index" {
				n = 2
			}
			items = append(items, item{verb: verb, id: target.ID, lines: bytes.Join(lines[:n], nil)})
			lines = lines[n:]
		}
	}
	return items
}

// merge puts refusals between the answers of the items that were kept. An answer
// that is none to a bulk request stays as it is.
func merge(items []item, inner *httptest.ResponseRecorder) []byte {
	answer := struct {
		Items []json.RawMessage `json:"items"`
	}{}
	if inner.Code != http.StatusOK || inner.Body.Len() > 0 && json.Unmarshal(inner.Body.Bytes(), &answer) != nil {
		return inner.Body.Bytes()
	}
	all, kept := []any{}, answer.Items
	for _, i := range items {
		switch {
		case i.refused:
			all = append(all, map[string]any{i.verb: map[string]any{"_id": i.id, "status": 429,
				"error": map[string]string{"type": "rejected_execution_exception", "reason": "turned away on purpose"}}})
		case len(kept) > 0:
			all, kept = append(all, kept[0]), kept[1:]
		}
	}
	merged, _ := json.Marshal(map[string]any{"items": all})
	return merged
}
