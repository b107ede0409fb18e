package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/telemetry"
	"movies/search"
)

// front keeps finished answers by the address they were asked at, so that asking
// again encodes, compresses and matches nothing: it stands before the router. Only
// answers with a public policy get in (see publish), so nothing that depends on who
// asks does. How old they may be is the policy's bound, counted from the moment
// whose state they show; Age tells it.
//
// From the policy's fresh age on one request at a time takes the long way and
// renews the answer, while the others are given the kept one.
type front struct {
	kept        *otter.Cache[string, *finished]
	hits, fills prometheus.Counter
}

const (
	// mostFinished bounds the bytes of finished answers, roughly.
	mostFinished = 64 << 20
	// longestAddress is the longest that is kept: all but those with long cursors.
	longestAddress = 2 << 10
	// renewalPause is how long a renewal may take before another is tried.
	renewalPause = 250 * time.Millisecond
)

func newFront(metrics prometheus.Registerer) (*front, error) {
	kept, err := otter.New(&otter.Options[string, *finished]{
		MaximumWeight: mostFinished,
		Weigher:       func(address string, f *finished) uint32 { return uint32(len(address) + 2*len(f.identity.body) + 1024) },
	})
	if err != nil {
		return nil, err
	}
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_finished_answers_total",
		Help: "Answers that anybody may have: given out as they were finished before (hit), or finished anew and kept (fill).",
	}, []string{"outcome"})
	return &front{kept, outcomes.WithLabelValues("hit"), outcomes.WithLabelValues("fill")}, metrics.Register(outcomes)
}

// finished is an answer that needs only to be written.
type finished struct {
	*representation
	policy *cachePolicy
	asOf   time.Time
	// renew is when it is to be renewed, in nanoseconds since 1970.
	renew atomic.Int64
	// more are headers of this answer beside those of every representation.
	more []header
	// route is the name it is measured under; whole and notModified measure what is
	// given out to a GET.
	route              string
	whole, notModified prometheus.Observer
}

type header struct {
	name   string
	values []string
}

// ownHeaders are those of an answer that belong to it, not to the request.
var ownHeaders = []string{"X-Revision", "Content-Security-Policy", "Referrer-Policy"}

// find returns a finished answer to the request, or nil for the long way.
func (f *front) find(r *http.Request, now time.Time) *finished {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || len(r.RequestURI) > longestAddress || sampled(r) {
		return nil
	}
	kept, ok := f.kept.GetIfPresent(r.RequestURI)
	if !ok || now.Sub(kept.asOf) >= kept.policy.usable {
		return nil
	}
	if due := kept.renew.Load(); now.UnixNano() >= due && kept.renew.CompareAndSwap(due, now.Add(renewalPause).UnixNano()) {
		return nil
	}
	f.hits.Inc()
	return kept
}

// sampled tells whether somebody records the request's trace: it takes the way that
// is traced.
func sampled(r *http.Request) bool {
	parent := r.Header["Traceparent"]
	return len(parent) > 0 && strings.HasSuffix(parent[0], "-01")
}

// serve writes the answer.
func (f *finished) serve(w http.ResponseWriter, r *http.Request, now time.Time) (status int) {
	h := w.Header()
	h["Age"] = ageHeader(now.Sub(f.asOf))
	for _, own := range f.more {
		h[own.name] = own.values
	}
	return f.representation.serve(w, r, f.policy)
}

// ages are the values of Age that occur while the search tier answers.
var ages = func() (values [64][]string) {
	for i := range values {
		values[i] = []string{strconv.Itoa(i)}
	}
	return values
}()

// ageHeader is an age in whole seconds, rounded up, so that no cache takes an answer
// for younger than it is; what the search tier has just said is of age 0.
func ageHeader(age time.Duration) []string {
	const just = 100 * time.Millisecond
	seconds := int((max(age-just, 0) + time.Second - 1) / time.Second)
	if seconds < len(ages) {
		return ages[seconds]
	}
	return []string{strconv.Itoa(seconds)}
}

// first answers what is finished, and gives the rest to the router.
func (s *server) first(router http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		kept := s.front.find(r, started)
		if kept == nil || s.refusedNow(w, r) {
			ctx := telemetry.WithRequestID(r.Context(), w.Header().Get(requestIDHeader))
			router.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		status := kept.serve(w, r, started)
		took := time.Since(started).Seconds()
		switch {
		case r.Method == http.MethodHead: // rare enough to be looked up
			s.latency.WithLabelValues(kept.route, r.Method, strconv.Itoa(status)).Observe(took)
		case status == http.StatusNotModified:
			kept.notModified.Observe(took)
		default:
			kept.whole.Observe(took)
		}
		if s.Log.Enabled(r.Context(), slog.LevelDebug) {
			s.Log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "query", r.URL.RawQuery, "status", status, "finished", true)
		}
	})
}

// refusedNow spends a token of the client's rate, and tells whether there was none,
// or their proof is no good: then the long way says so.
func (s *server) refusedNow(w http.ResponseWriter, r *http.Request) bool {
	if s.limiter == nil && r.Header["Authorization"] == nil {
		return false
	}
	who, refused := s.reader(r)
	if refused != nil {
		return true
	}
	wait, _ := s.limiter.take(w.Header(), r, who)
	return wait > 0
}

// measured gives what the answer is measured with.
func (f *finished) measured(s *server, r *http.Request) {
	if route := mux.CurrentRoute(r); route != nil {
		f.route = route.GetName()
	}
	f.whole = s.latency.WithLabelValues(f.route, http.MethodGet, strconv.Itoa(http.StatusOK))
	f.notModified = s.latency.WithLabelValues(f.route, http.MethodGet, strconv.Itoa(http.StatusNotModified))
}

// publish answers with a representation, and keeps it for the next who ask the
// same address where the policy lets it and the answer is not one for want of a
// better.
func (s *server) publish(w http.ResponseWriter, r *http.Request, p *representation, policy *cachePolicy) {
	told := search.Traced(r.Context())
	if policy.usable == 0 || told == nil {
		p.serve(w, r, policy)
		return
	}
	now := time.Now()
	asOf, stale := told.AsOf()
	f := &finished{representation: p, policy: policy, asOf: asOf}
	for _, name := range ownHeaders {
		if values := w.Header()[name]; values != nil {
			f.more = append(f.more, header{name, values})
		}
	}
	switch {
	case stale:
		w.Header().Set("Cache-Status", `movies; hit; ttl=`+strconv.Itoa(int((policy.usable-now.Sub(asOf)).Seconds()))+`; detail="the search tier does not answer"`)
	case !search.ArePastCaches(r.Context()) && len(r.RequestURI) <= longestAddress && r.RequestURI != "":
		s.front.fills.Inc()
		f.measured(s, r)
		f.renew.Store(max(asOf.Add(policy.fresh).UnixNano(), now.Add(renewalPause).UnixNano()))
		s.front.kept.Set(r.RequestURI, f)
	}
	f.serve(w, r, now)
}
