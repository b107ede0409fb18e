package opensearch

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestBeatWaitsForARefreshThatComes: an index that is being filled has none before
// it is full, and nobody is to believe meanwhile that nothing moves.
func TestBeatWaitsForARefreshThatComes(t *testing.T) {
	t.Parallel()
	for interval, want := range map[string]string{"1s": "wait_for", "-1": ""} {
		var sent atomic.Value
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if strings.HasSuffix(r.URL.Path, "/_settings/index.refresh_interval") {
				_, _ = fmt.Fprintf(w, `{"movies-v2":{"settings":{"index.refresh_interval":%q},"defaults":{}}}`, interval)
				return
			}
			sent.Store(r.URL.Query().Get("refresh"))
			_, _ = w.Write([]byte(`{"errors":false,"items":[{"delete":{"_index":"movies-v2","_id":"7","_version":9,"status":404}}]}`))
		}))
		t.Cleanup(server.Close)
		if err := over(t, server.URL).Beat(t.Context(), "movies-v2", 7, 9); err != nil || sent.Load() != want {
			t.Errorf("refresh interval %s: refresh=%v, %v; want %q", interval, sent.Load(), err, want)
		}
	}
}
