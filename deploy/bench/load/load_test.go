package load_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"movies/deploy/bench/load"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func run(t *testing.T, o load.Options) *load.Report {
	t.Helper()
	if o.Next == nil {
		o.Next = func() load.Request { return load.Request{Path: "/x?q=a%20b", Class: "x"} }
	}
	o.Timeout = 30 * time.Second
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAStallIsCharged: a server that freezes once is charged for all who came
// meanwhile. A closed loop would have seen one slow request.
func TestAStallIsCharged(t *testing.T) {
	t.Parallel()
	const rate, stall = 500.0, 400 * time.Millisecond
	var stalled atomic.Int64 // until when, Unix nanoseconds
	var asked atomic.Int64
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 200 {
			stalled.Store(time.Now().Add(stall).UnixNano())
		}
		<-time.After(time.Until(time.Unix(0, stalled.Load())))
	})
	r := run(t, load.Options{Address: address, Rate: rate, Duration: 2 * time.Second, Connections: 4, Seed: 1})
	all := r.Sum()
	if all.Failed != 0 || all.Answered < 800 || all.Answered > 1200 {
		t.Fatalf("want about 1000 answers:\n%s", r)
	}
	// 200 of 1000 came during the stall and waited half of it on average: more
	// than a tenth waited more than a third of it. At most 4 were sent meanwhile.
	if p90 := all.Quantile(.88); p90 < stall/3 {
		t.Errorf("the 88th percentile is %v:\n%s", p90, r)
	}
}

// TestOutcomes: shed, limited and failed are told apart, by class.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/shed":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/limited":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/broken":
			w.WriteHeader(http.StatusServiceUnavailable) // nobody said when to come again
		case "/header":
			if r.Header.Get("Accept-Encoding") != "gzip" || r.URL.Query().Get("q") != "a b" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = w.Write([]byte("four"))
		}
	})
	paths := []string{"/shed", "/limited", "/broken", "/header?q=a%20b"}
	i := -1
	next := func() load.Request {
		i++
		path, _, _ := strings.Cut(paths[i%4], "?")
		return load.Request{Path: paths[i%4], Class: path}
	}
	r := run(t, load.Options{Address: address, Duration: 300 * time.Millisecond, Connections: 2, Next: next, Header: []string{"Accept-Encoding", "gzip"}})
	shed, limited, broken, fine := r.Classes["/shed"], r.Classes["/limited"], r.Classes["/broken"], r.Classes["/header"]
	if shed.Shed == 0 || shed.Shed != shed.Total() || limited.Limited == 0 || limited.Limited != limited.Total() ||
		broken.Failed == 0 || broken.Failed != broken.Total() || fine.Answered == 0 || fine.Answered != fine.Total() || fine.Bytes != 4*fine.Answered {
		t.Errorf("miscounted:\n%s", r)
	}
	if r.Failures["status 503"] != broken.Failed || len(r.Failures) != 1 {
		t.Errorf("failures: %v", r.Failures)
	}
	if sum := r.Sum("/shed", "/limited"); sum.Total() != shed.Total()+limited.Total() {
		t.Errorf("the sum of two is %d", sum.Total())
	}
}

// TestRunStops: when its context ends, and before it starts with wrong options.
func TestRunStops(t *testing.T) {
	t.Parallel()
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o := load.Options{Address: address, Rate: 100, Duration: time.Hour, Connections: 2, Timeout: time.Second,
		Next: func() load.Request { return load.Request{Path: "/"} }}
	if _, err := load.Run(ctx, o); err != nil {
		t.Error(err)
	}
	o.Rate = -1
	if _, err := load.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "-1") {
		t.Errorf("got %v, want an error that names the rate", err)
	}
}
