package relay

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/movie"
)

// healthEvery is how often the database is asked for the state of its slot.
const healthEvery = 5 * time.Second

// captureStatuses are the values of movie.CaptureHealth.Status.
var captureStatuses = []string{"reserved", "extended", "unreserved", "lost", "missing"}

// WatchCapture keeps the metrics of the replication slot up to date until the
// context ends, in standbys too: a slot that nobody reads fills the disk, and is
// to be seen before it does.
func WatchCapture(ctx context.Context, health func(context.Context) (movie.CaptureHealth, error), log *slog.Logger, register prometheus.Registerer) {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "movies_relay_" + name, Help: help})
		register.MustRegister(g)
		return g
	}
	lag := gauge("lag_bytes", "WAL written since the last confirmed position.")
	retained := gauge("slot_retained_bytes", "WAL kept on the database's disk for the slot.")
	safe := gauge("slot_safe_bytes", "WAL that can be written before the slot may be lost; +Inf when max_slot_wal_keep_size sets no bound.")
	status := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "movies_relay_slot_status", Help: "1 for the slot's present status."}, []string{"status"})
	register.MustRegister(status)
	warned := false
	show := func() {
		bounded, cancel := context.WithTimeout(ctx, healthEvery)
		defer cancel()
		h, err := health(bounded)
		if err != nil {
			log.DebugContext(ctx, "the state of the replication slot is unknown", "error", err)
			return
		}
		lag.Set(float64(h.LagBytes))
		retained.Set(float64(h.RetainedBytes))
		safe.Set(float64(h.SafeBytes))
		if h.SafeBytes == math.MaxInt64 {
			safe.Set(math.Inf(1))
		}
		if h.SafeBytes == math.MaxInt64 && h.Status != "missing" && !warned {
			warned = true
			log.WarnContext(ctx, "while no relay runs, the database keeps WAL without bound and may fill its disk; "+
				"run there: ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf()")
		}
		for _, s := range captureStatuses {
			status.WithLabelValues(s).Set(0)
		}
		status.WithLabelValues(h.Status).Set(1)
	}
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	for show(); ; show() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
