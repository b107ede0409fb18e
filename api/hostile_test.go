package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestHostileQuestionsAreBounded: the longest questions that are allowed, of the
// shapes that cost an engine most, are answered; what is longer is refused by
// name. None of them reaches a bound of the engine's and becomes an error of ours.
func TestHostileQuestionsAreBounded(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	many := strings.Repeat
	text := func(s string) string {
		return "/v1/movies?highlight=true&facets=genre,language,country,year,decade,keyword&q=" + url.QueryEscape(s)
	}
	values := func(name string, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("&" + name + "=" + url.QueryEscape(many(string(rune('a'+i%26)), 1+i)))
		}
		return b.String()
	}
	filters := "/v1/movies?limit=100" + values("genre", 50) + values("language", 50) + values("country", 50) + values("keyword", 50) + values("person", 50)
	for _, c := range []struct {
		path   string
		status int
	}{
		{text(many("a ", 128)), http.StatusOK},
		{text(many("ab", 128)), http.StatusOK},
		{text(many("*", 256)), http.StatusOK},
		{text(many("?*~", 85)), http.StatusOK},
		{text(many("a* ", 85)), http.StatusOK},
		{text(many(`"a b" `, 42)), http.StatusOK},
		{text(many(`-a `, 85)), http.StatusOK},
		{text(many("(", 256)), http.StatusOK},
		{text(many("a-", 128)), http.StatusOK},
		{text(many("七", 256)), http.StatusOK},
		{text(many("1999 ", 51)), http.StatusOK},
		{text(many("alien OR ", 28)), http.StatusOK},
		{text(many("a", 257)), http.StatusBadRequest},
		{"/v1/suggest?q=" + url.QueryEscape(many("a ", 128)), http.StatusOK},
		{"/v1/suggest?q=" + url.QueryEscape(many("*", 256)), http.StatusOK},
		{"/v1/suggest?q=" + many("a", 257), http.StatusBadRequest},
		{filters, http.StatusOK},
		{filters + "&q=alien&genre_mode=all", http.StatusOK},
		{"/v1/movies?" + values("genre", 51), http.StatusBadRequest},
		{"/v1/movies?ids=" + many("1,", 99) + "1", http.StatusOK},
		{"/v1/movies?ids=" + many("1,", 100) + "1", http.StatusBadRequest},
		{"/v1/movies?limit=101", http.StatusBadRequest},
		{"/v1/movies?cursor=" + many("A", 8<<10), http.StatusBadRequest},
		{"/v1/movies?cursor=" + many("A", 9<<10), http.StatusBadRequest},
	} {
		if a := s.get(c.path); a.status != c.status {
			t.Errorf("%.120s: got %d, want %d: %.300s", c.path, a.status, c.status, a.body)
		}
	}
}
