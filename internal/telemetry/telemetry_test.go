package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"movies/internal/telemetry"
)

func TestLogLinesCarryTheRequestID(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, "api", "info")
	if err != nil {
		t.Fatal(err)
	}
	log.With("k", 1).InfoContext(telemetry.WithRequestID(t.Context(), "r-1"), "hello")
	log.Debug("below the level")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if line["request_id"] != "r-1" || line["process"] != "api" || line["msg"] != "hello" {
		t.Errorf("got %v", line)
	}
}

func TestReadyNamesWhatFails(t *testing.T) {
	down := true
	h := telemetry.Ready(map[string]telemetry.Check{
		"search": func(context.Context) error {
			if down {
				return errors.New("no node answers")
			}
			return nil
		},
		"kafka": func(context.Context) error { return nil },
		"auth":  telemetry.Optional(func(context.Context) error { return errors.New("gone") }),
	})
	get := func() (int, map[string]string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var body struct{ Checks map[string]string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		return w.Code, body.Checks
	}
	if code, checks := get(); code != 503 || checks["search"] != "no node answers" || checks["kafka"] != "ok" {
		t.Errorf("down: got %d %v", code, checks)
	}
	down = false
	if code, checks := get(); code != 200 || checks["search"] != "ok" || checks["auth"] != "not needed to be ready: gone" {
		t.Errorf("up: got %d %v", code, checks)
	}
}

// TestOnceThereIsEnough: what all replicas share makes a new process wait, and
// takes none away that could start.
func TestOnceThereIsEnough(t *testing.T) {
	down := errors.New("no node answers")
	h := telemetry.Ready(map[string]telemetry.Check{"search": telemetry.AtStart(func(context.Context) error { return down })})
	get := func() (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code, w.Body.String()
	}
	if code, _ := get(); code != http.StatusServiceUnavailable {
		t.Errorf("never there: %d", code)
	}
	wasDown := down
	down = nil
	if code, _ := get(); code != http.StatusOK {
		t.Errorf("there: %d", code)
	}
	down = wasDown
	if code, body := get(); code != http.StatusOK || !strings.Contains(body, "no node answers") {
		t.Errorf("gone: %d %s", code, body)
	}
}

func TestServeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- telemetry.Serve(ctx, "127.0.0.1:0", telemetry.NewRegistry(), nil) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("still serving 5 s after its context ended")
	}
}
