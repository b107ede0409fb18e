// Package stacktest gives tests their own piece of the real servers: a database,
// a prefix for topics, a prefix for indices, a prefix for cache keys. Tests that
// use it may run in parallel with each other and with those of other packages.
//
// The servers come from `make test`, which boots empty ones and names them in
// variables of their own (TEST_DATABASE_URL, ...), so that no test ever touches
// the servers that DATABASE_URL and its like name. Under -short a test that
// needs a server is skipped; in any other run a missing server is fatal.
package stacktest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"
)

// Kafka returns the brokers, as host:port, and a prefix for the names of the
// test's topics and groups. Topics are not made by themselves, and stay until
// the servers stop.
func Kafka(t testing.TB) (brokers, prefix string) {
	t.Helper()
	return server(t, "TEST_KAFKA_BROKERS"), unique() + "."
}

// OpenSearch returns the address of the cluster and a prefix for the names of
// the test's indices and aliases. Indices of that prefix are removed at cleanup.
func OpenSearch(t testing.TB) (url, prefix string) {
	t.Helper()
	url, prefix = server(t, "TEST_SEARCH_URL"), unique()+"-"
	t.Cleanup(func() {
		if err := deleteIndices(url, prefix); err != nil {
			t.Errorf("remove the indices %s*: %v", prefix, err)
		}
	})
	return url, prefix
}

// Redis returns the address of the cache and a prefix for the test's keys. The
// cache is bounded; keys are not removed.
func Redis(t testing.TB) (url, prefix string) {
	t.Helper()
	return server(t, "TEST_REDIS_URL"), unique() + ":"
}

// server returns the address in the variable, or ends the test.
func server(t testing.TB, variable string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a server, and -short asks for tests that need none")
	}
	address := os.Getenv(variable)
	if address == "" {
		t.Fatalf(`%s is not set: run "make test", or "go test -short ./..." for the tests that need no server`, variable)
	}
	return address
}

// unique returns a name that every server takes and nobody else uses.
func unique() string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	return "t" + hex.EncodeToString(random[:])
}

func deleteIndices(url, prefix string) error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, url+"/"+prefix+"*?expand_wildcards=all", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	return nil
}

const cleanupTimeout = 30 * time.Second
