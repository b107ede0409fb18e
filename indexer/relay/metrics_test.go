package relay_test

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"movies/indexer/relay"
	"movies/internal/movie"
)

// metric gives the value of a gauge or counter with the given labels, as name or
// name{label="value"}.
func metric(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			full := f.GetName()
			for _, l := range m.GetLabel() {
				full += "{" + l.GetName() + `="` + l.GetValue() + `"}`
			}
			if full == name {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestMetricsShowWhatWasRelayed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	active := r.start()
	r.await("the relay has begun", func() bool { return r.state().Epoch == 1 })
	standby := r.start()
	r.exec("INSERT INTO movies (id, title) VALUES (1, 'one'), (2, 'two')")
	r.exec("DELETE FROM movies WHERE id = 2")
	r.confirmed()
	for name, want := range map[string]float64{
		"movies_relay_active": 1, "movies_relay_epoch": 1, "movies_relay_commits_total": 2, "movies_relay_changes_total": 3,
		"movies_relay_lag_seconds": 0, "movies_relay_backlog_movies": 0,
		"movies_relay_parked_total": 0, "movies_relay_repair_due_since_seconds": 0,
	} {
		if got := metric(t, active.registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	upserts, deletes := metric(t, active.registry, `movies_relay_events_total{op="upsert"}`), metric(t, active.registry, `movies_relay_events_total{op="delete"}`)
	if deletes < 1 || upserts+deletes < 2 || upserts+deletes > 3 {
		t.Errorf("%v upserts and %v deletes", upserts, deletes)
	}
	if got := metric(t, standby.registry, "movies_relay_active"); got != 0 {
		t.Errorf("the standby is active")
	}
}

func TestCaptureHealthIsShown(t *testing.T) {
	registry := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(t.Context())
	var said strings.Builder
	health := func(context.Context) (movie.CaptureHealth, error) {
		cancel() // shown once
		return movie.CaptureHealth{Status: "extended", LagBytes: 7, RetainedBytes: 9, SafeBytes: math.MaxInt64}, nil
	}
	relay.WatchCapture(ctx, health, slog.New(slog.NewTextHandler(&said, nil)), registry)
	for name, want := range map[string]float64{
		"movies_relay_lag_bytes": 7, "movies_relay_slot_retained_bytes": 9, "movies_relay_slot_safe_bytes": math.Inf(1),
		`movies_relay_slot_status{status="extended"}`: 1, `movies_relay_slot_status{status="lost"}`: 0,
	} {
		if got := metric(t, registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if !strings.Contains(said.String(), "max_slot_wal_keep_size") {
		t.Errorf("nothing was said about the missing bound: %q", said.String())
	}
}
