package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry is a metrics registry that already has the Go runtime's and the
// process's own metrics.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Check tells whether a dependency can be used now; nil means it can.
type Check func(context.Context) error

// Optional makes a check that is told but decides nothing: of a part without
// which the rest still serves.
func Optional(c Check) Check {
	return func(ctx context.Context) error {
		if err := c(ctx); err != nil {
			return &optionalError{err}
		}
		return nil
	}
}

// AtStart makes a check that decides until it has passed once, and is only told
// from then on: of a part that all replicas share and without which each can still
// serve what it remembers. Were it to decide, a slow search cluster would take
// every replica out of the load balancer at once, and nobody would get even that.
func AtStart(c Check) Check {
	var passed atomic.Bool
	return func(ctx context.Context) error {
		err := c(ctx)
		switch {
		case err == nil:
			passed.Store(true)
		case passed.Load():
			return &optionalError{err}
		}
		return err
	}
}

type optionalError struct{ error }

func (e *optionalError) Error() string { return "not needed to be ready: " + e.error.Error() }

// checkTimeout bounds every readiness check.
const checkTimeout = 2 * time.Second

// Ready runs all checks at once, each bounded by 2 s, and answers as /readyz
// does: 200 when all that are not optional pass, 503 otherwise, with each one's
// outcome by name.
func Ready(checks map[string]Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		status, code := "ready", http.StatusOK
		said := make(map[string]string, len(checks))
		for name, err := range runChecks(ctx, checks) {
			said[name] = "ok"
			if err == nil {
				continue
			}
			said[name] = err.Error()
			if optional := (*optionalError)(nil); !errors.As(err, &optional) {
				status, code = "not ready", http.StatusServiceUnavailable
			}
		}
		writeJSON(w, code, map[string]any{"status": status, "checks": said})
	})
}

func runChecks(ctx context.Context, checks map[string]Check) map[string]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	outcome := make(map[string]error, len(checks))
	for name, check := range checks {
		wg.Go(func() {
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			outcome[name] = err
		})
	}
	wg.Wait()
	return outcome
}

// Alive answers /healthz: the process runs and serves.
func Alive() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone; nothing is lost
}

// Serve offers /healthz, /readyz, /metrics and /debug/pprof/ on a private address
// until the context ends, then stops within a second. An empty address serves
// nothing and waits for the context.
func Serve(ctx context.Context, addr string, metrics prometheus.Gatherer, checks map[string]Check) error {
	if addr == "" {
		<-ctx.Done()
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("METRICS_ADDR (--metrics-addr): %w", err)
	}
	server := &http.Server{Handler: privateRoutes(metrics, checks), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			_ = server.Close() // the bound has passed; what is open is cut
		}
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	return nil
}

func privateRoutes(metrics prometheus.Gatherer, checks map[string]Check) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", Alive())
	mux.Handle("GET /readyz", Ready(checks))
	mux.Handle("GET /metrics", Metrics(metrics))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// Metrics answers /metrics in the format that Prometheus asks for.
func Metrics(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
