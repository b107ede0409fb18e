package opensearch

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"movies/internal/config"
)

func TestVendorTransport(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set(productHeader, "its own")
		}
		w.Header().Set("Seen", r.Header.Get("Accept")+" "+r.Header.Get("Content-Type"))
	}))
	defer server.Close()
	for path, want := range map[string]string{"/": product, "/own": "its own"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", vendorMediaType+"json;compatible-with=8")
		req.Header.Set("Content-Type", vendorMediaType+"x-ndjson; compatible-with=8")
		res, err := vendorTransport{http.DefaultTransport}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Seen"); got != "application/json application/x-ndjson" {
			t.Errorf("%s: the server saw %q", path, got)
		}
		if got := res.Header.Get(productHeader); got != want {
			t.Errorf("%s: product %q, want %q", path, got, want)
		}
		if got := req.Header.Get("Accept"); !strings.HasPrefix(got, vendorMediaType) {
			t.Errorf("%s: the caller's request was changed to %q", path, got)
		}
	}
}

// Credentials are sent, and TLS is trusted by the file that was named and by no
// other.
func TestCredentialsAndAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "u" && !strings.EqualFold(r.Header.Get("Authorization"), "ApiKey k") || password != "" && password != "p" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		settings config.Search
		ok       bool
	}{
		"user":      {config.Search{User: "u", Password: "p", CAFile: ca}, true},
		"key":       {config.Search{APIKey: "k", CAFile: ca}, true},
		"nobody":    {config.Search{CAFile: ca}, false},
		"untrusted": {config.Search{User: "u", Password: "p"}, false},
	} {
		c.settings.URLs = []string{server.URL}
		client, err := New(c.settings)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Ping(t.Context()); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		client.Close()
	}
	if err := os.WriteFile(ca, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(config.Search{URLs: []string{server.URL}, CAFile: ca}); err == nil || !strings.Contains(err.Error(), "SEARCH_CA_FILE") {
		t.Errorf("a file without certificates: got %v", err)
	}
}
