package api_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestSearchesWithoutResultAreCountedAndListed asks for what is there and what is
// not, as JSON and on the page, and reads what the operator is told.
func TestSearchesWithoutResultAreCountedAndListed(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for _, path := range []string{
		"/v1/movies?q=alien", "/v1/movies?genre=nonsense", "/v1/movies?q=Qxyzzyq", "/v1/movies?q=alien&year=1900",
	} {
		s.list(path)
	}
	s.get("/?q=vrrmpft")
	if got := s.get("/metrics"); !bytes.Contains(got.body, []byte("\napi_searches_without_result_total 3")) {
		t.Errorf("the count of searches without a result is not 3:\n%s", got.body)
	}
	var listed []string
	for line := range strings.Lines(s.logs.String()) {
		var entry struct{ Msg, Q string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "search without a result" {
			listed = append(listed, entry.Q)
		}
	}
	if got := strings.Join(listed, " "); got != "Qxyzzyq alien vrrmpft" {
		t.Errorf("the list is %q", got)
	}
}
