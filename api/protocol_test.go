package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"movies/api"
	"movies/search"
)

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	for _, path := range []string{"/v1", "/v1/nothing", "/favicon.txt", "/v1/movies/1/x", "/assets/nothing.js", "/assets/index.html"} {
		s.get(path).mustFail(t, 404)
	}
	for _, path := range []string{"/v1/suggest", "/v1/movies/1/similar", "/healthz", "/"} {
		a := ask(t, http.MethodDelete, s.url+path)
		a.mustFail(t, 405)
		if allow := a.header.Get("Allow"); allow != "GET, HEAD" {
			t.Errorf("DELETE %s: Allow is %q", path, allow)
		}
	}
}

// TestSecurityHeaders are on every answer, once, whoever makes it.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newService(t, films(), func(o *api.Options) {
		o.HTTPSOnly = true
		o.Auth = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/auth/down" {
				api.SignInUnavailable(w, r)
				return
			}
			for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy"} {
				w.Header().Add(name, "as auth says")
			}
		})
	})
	for _, path := range []string{"/", "/v1/movies", "/v1/movies/1", "/v1/nothing", "/healthz", "/assets/app.js", "/auth/me", "/auth/down", "/v1/me/sessions"} {
		a := s.get(path, "Accept: text/html")
		for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Strict-Transport-Security"} {
			if values := a.header.Values(name); len(values) != 1 || values[0] == "" {
				t.Errorf("%s: %s is %q", path, name, values)
			}
		}
	}
}

// TestValidators: what a client has is not sent again, in either encoding.
func TestValidators(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for _, path := range []string{"/v1/movies?limit=3", "/v1/movies/1", "/v1/suggest?q=a", "/v1/people/8", "/v1/movies/1/similar", "/openapi.json", "/assets/app.js"} {
		plain := s.get(path)
		if tag := plain.header.Get("ETag"); !regexp.MustCompile(`^"[0-9a-f]{32}"$`).MatchString(tag) {
			t.Fatalf("%s: the ETag is %s", path, tag)
		}
		if c := plain.header.Get("Cache-Control"); !strings.HasPrefix(c, "public, max-age=") || plain.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Cache-Control %q, Vary %q", path, c, plain.header.Get("Vary"))
		}
		zipped := s.get(path, "Accept-Encoding: gzip")
		if len(plain.body) > 1<<10 && (zipped.header.Get("Content-Encoding") != "gzip" || zipped.header.Get("ETag") == plain.header.Get("ETag")) {
			t.Errorf("%s: %d bytes are not compressed, or both encodings have one strong ETag", path, len(plain.body))
		}
	}
}

// TestConditionalRequests asks twice: an answer that has not changed keeps its
// ETag, though every question is asked anew and the time it takes is in the bytes.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for _, encoding := range []string{"identity", "gzip"} {
		for _, path := range []string{"/v1/movies/1", "/v1/movies?q=alien", "/v1/movies", "/v1/suggest?q=al", "/v1/movies?ids=1,2", "/openapi.json"} {
			tag := s.get(path, "Accept-Encoding: "+encoding).header.Get("ETag")
			for _, sent := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
				a := s.get(path, "Accept-Encoding: "+encoding, "If-None-Match: "+sent)
				if a.status != http.StatusNotModified || len(a.body) != 0 || a.header.Get("ETag") != tag {
					t.Errorf("%s, %s, If-None-Match %s: %d with %d bytes", path, encoding, sent, a.status, len(a.body))
				}
			}
			if a := s.get(path, "If-None-Match: \"other\""); a.status != http.StatusOK {
				t.Errorf("%s: another ETag got %d", path, a.status)
			}
		}
	}
}

func TestHeadHasTheHeadersAlone(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	for _, path := range []string{"/v1/movies/1", "/openapi.json", "/assets/style.css"} {
		get, head := s.get(path), ask(t, http.MethodHead, s.url+path)
		for _, h := range []string{"ETag", "Content-Length", "Content-Type", "Cache-Control"} {
			if get.header.Get(h) != head.header.Get(h) || get.header.Get(h) == "" {
				t.Errorf("%s: %s is %q for GET, %q for HEAD", path, h, get.header.Get(h), head.header.Get(h))
			}
		}
		if head.status != http.StatusOK || len(head.body) != 0 {
			t.Errorf("HEAD %s: %d with %d bytes", path, head.status, len(head.body))
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	plain := s.get("/openapi.json")
	for accept, want := range map[string]string{
		"zstd": "zstd", "gzip, deflate, br, zstd": "zstd", "ZSTD;q=0.5, gzip;q=0.4": "zstd", "gzip, zstd;q=0.9": "gzip", "zstd;q=0, *": "gzip", "gzip;q=nonsense": "",
		"gzip": "gzip", "br, gzip;q=0.5": "gzip", "*": "gzip", "GZIP": "gzip", "gzip; q=1.0": "gzip",
		"": "", "identity": "", "gzip;q=0": "", "br": "", "*;q=1, gzip;q=0": "", "*;q=0": "",
	} {
		a := s.get("/openapi.json", "Accept-Encoding: "+accept)
		if got := a.header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: got %q, want %q", accept, got, want)
			continue
		}
		if want == "" {
			continue
		}
		var z io.Reader
		var err error
		if want == "zstd" {
			z, err = zstd.NewReader(bytes.NewReader(a.body))
		} else {
			z, err = gzip.NewReader(bytes.NewReader(a.body))
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.body) || len(a.body) > len(plain.body)/2 {
			t.Errorf("Accept-Encoding %q: %v, or other bytes, or no smaller", accept, err)
		}
	}
	if a := s.get("/v1/movies/6", "Accept-Encoding: gzip"); a.header.Get("Content-Encoding") != "" {
		t.Error("a small answer is compressed")
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	for sent, kept := range map[string]bool{"abc-1.2_Z": true, "with space": false, strings.Repeat("x", 65): false, "": false} {
		a := s.get("/v1/movies/77", "X-Request-Id: "+sent)
		if got := a.mustFail(t, 404).RequestID; (got == sent) != kept || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
}

// broken is a searcher with a bug.
type broken struct{ search.Searcher }

func (broken) Lookup(context.Context, search.Lookup) ([]search.Item, error) { panic("secret detail") }

func TestPanicBecomes500(t *testing.T) {
	t.Parallel()
	url, logs := serve(t, broken{})
	a := ask(t, http.MethodGet, url+"/v1/movies/1")
	p := a.mustFail(t, 500)
	if strings.Contains(string(a.body), "secret") || strings.Contains(p.Detail, "panic") {
		t.Errorf("the answer tells too much: %s", a.body)
	}
	if !strings.Contains(logs.String(), "secret detail") {
		t.Error("the panic is not logged")
	}
	if metrics := ask(t, http.MethodGet, url+"/metrics"); !strings.Contains(string(metrics.body), `route="/v1/movies/{id}",status="500"`) {
		t.Error("the panic is not measured as a 500")
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := newService(t, films(), func(o *api.Options) { o.Limits = api.Limits{PerClient: 0.01, Burst: 2} })
	for i, remaining := range []string{"1", "0"} {
		a := s.get("/v1/movies/1")
		if a.status != http.StatusOK || a.header.Get("RateLimit-Limit") != "2" || a.header.Get("RateLimit-Remaining") != remaining || a.header.Get("RateLimit-Reset") == "" {
			t.Fatalf("request %d: %d, %v", i+1, a.status, a.header)
		}
	}
	a := s.get("/v1/movies/1")
	a.mustFail(t, 429)
	if retry := a.header.Get("Retry-After"); retry == "" || retry == "0" || a.header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("got the headers %v", a.header)
	}
	if a := s.get("/healthz"); a.status != http.StatusOK {
		t.Errorf("health is limited: %d", a.status)
	}
}

// TestLimitsOfPeople: who is signed in has a bucket of their own, wherever they
// ask from; a proof that is no good counts for the address.
func TestLimitsOfPeople(t *testing.T) {
	t.Parallel()
	people := newSignedInService(t)
	s := newService(t, films(), people.accounts, func(o *api.Options) { o.Limits = api.Limits{PerClient: 0.001, Burst: 2} })
	ask := func(want int, headers ...string) {
		t.Helper()
		if a := s.get("/v1/movies/1", headers...); a.status != want || a.header.Get("RateLimit-Limit") != "2" {
			t.Errorf("%.30q: got %d, RateLimit-Limit %q, want %d", headers, a.status, a.header.Get("RateLimit-Limit"), want)
		}
	}
	ask(http.StatusOK)
	ask(http.StatusUnauthorized, "Authorization: Bearer forged")
	ask(http.StatusTooManyRequests)
	ask(http.StatusTooManyRequests, "Authorization: Bearer forged")
	for _, token := range []string{people.user, people.editor} {
		ask(http.StatusOK, "Authorization: Bearer "+token)
		ask(http.StatusOK, "Authorization: Bearer "+token)
		ask(http.StatusTooManyRequests, "Authorization: Bearer "+token)
	}
}
