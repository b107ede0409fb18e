package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"movies/internal/config"
)

// TestServesWithoutEngine: the process starts, tells that it is not ready, speaks
// both versions of HTTP, and stops when it is told to.
func TestServesWithoutEngine(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	addr := freeAddr(t)
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--http-addr", addr, "--search-url", "http://" + freeAddr(t), "--log-level", "error"}, io.Discard, io.Discard)
	}()
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		protocols := new(http.Protocols)
		set(protocols)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}, Timeout: 10 * time.Second}
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/assets/app.js": 200} {
			if status, proto := eventually(t, client, "http://"+addr+path); status != want || proto != name {
				t.Errorf("%s: got %d over %s, want %d over %s", path, status, proto, want, name)
			}
		}
		client.CloseIdleConnections()
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Error("does not stop")
	}
}

// eventually asks until the process listens.
func eventually(t *testing.T, client *http.Client, url string) (status int, proto string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		response, err := client.Get(url)
		if err == nil {
			_ = response.Body.Close()
			return response.StatusCode, response.Proto
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestWrongSettingsAreNamed, before anything is opened.
func TestWrongSettingsAreNamed(t *testing.T) {
	for setting, args := range map[string][]string{
		"SEARCH_URL":      {"--search-url", "nowhere"},
		"RATE_LIMIT":      {"--search-url", "http://x:1", "--rate-limit", "many"},
		"TRUSTED_PROXIES": {"--search-url", "http://x:1", "--trusted-proxies", "10.0.0.1"},
		"HTTP_ADDR":       {"--search-url", "http://x:1", "--http-addr", "80"},
		"AUTH_URL":        {"--search-url", "http://x:1", "--auth-url", "nowhere"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		var usage *config.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: got %v", setting, err)
		}
	}
}

// TestTLSIsEndedKnowingly: behind https, somebody is named who ends it.
func TestTLSIsEndedKnowingly(t *testing.T) {
	args := []string{"--search-url", "http://x:1", "--public-url", "https://movies.test", "--http-addr", "127.0.0.1:99999"}
	for setting, more := range map[string][]string{
		"TLS_CERT_FILE": nil,
		"TLS_KEY_FILE":  {"--tls-cert-file", "main_test.go"},
		"HTTP_ADDR":     {"--trusted-proxies", "10.0.0.0/8"}, // gets as far as listening
	} {
		err := run(t.Context(), append(args, more...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), setting) {
			t.Errorf("%v: got %v", more, err)
		}
	}
}
