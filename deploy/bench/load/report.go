package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms reach from a microsecond to two minutes, to two digits; what is
// longer counts as two minutes.
const longest = 2 * time.Minute

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 2)
}

// Report is what came of a run. It is complete, and may be read, after Run.
type Report struct {
	// Elapsed is the time from the first arrival until the last answer.
	Elapsed time.Duration
	// Classes by name.
	Classes map[string]*Class
	// Failures counts what went wrong, by what it was.
	Failures map[string]int64

	mu       sync.Mutex
	lateness *hdrhistogram.Histogram
}

// Class counts requests of one class. Every request is in exactly one of
// Answered, Shed (503 with Retry-After), Limited (429) and Failed.
type Class struct {
	Answered, Shed, Limited, Failed int64
	// Bytes of all bodies.
	Bytes    int64
	answered *hdrhistogram.Histogram
	refused  *hdrhistogram.Histogram
}

func newClass() *Class { return &Class{answered: newHistogram(), refused: newHistogram()} }

func newReport() *Report {
	return &Report{Classes: map[string]*Class{}, Failures: map[string]int64{}, lateness: newHistogram()}
}

// outcome is what became of one request; the zero value is an answer.
type outcome struct {
	shed, limited bool
	failure       string
}

// mostFailures bounds how many kinds of failures are told apart.
const mostFailures = 50

func (r *Report) count(class string, took time.Duration, o outcome, bytes int) {
	micros := min(max(took, 0), longest).Microseconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.Classes[class]
	if c == nil {
		c = newClass()
		r.Classes[class] = c
	}
	c.Bytes += int64(bytes)
	switch {
	case o.failure != "":
		c.Failed++
		if _, known := r.Failures[o.failure]; !known && len(r.Failures) >= mostFailures {
			o.failure = "others"
		}
		r.Failures[o.failure]++
	case o.shed:
		c.Shed++
		_ = c.refused.RecordValue(micros) // within its range
	case o.limited:
		c.Limited++
		_ = c.refused.RecordValue(micros)
	default:
		c.Answered++
		_ = c.answered.RecordValue(micros)
	}
}

func (r *Report) late(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.lateness.RecordValue(min(max(by, 0), longest).Microseconds())
}

// Sum is all classes together, or those that are named.
func (r *Report) Sum(names ...string) *Class {
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(r.Classes))
	}
	sum := newClass()
	for _, name := range names {
		c := r.Classes[name]
		if c == nil {
			continue
		}
		sum.Answered += c.Answered
		sum.Shed += c.Shed
		sum.Limited += c.Limited
		sum.Failed += c.Failed
		sum.Bytes += c.Bytes
		sum.answered.Merge(c.answered)
		sum.refused.Merge(c.refused)
	}
	return sum
}

// Total is how many requests there were.
func (c *Class) Total() int64 { return c.Answered + c.Shed + c.Limited + c.Failed }

// Quantile is the time within which a share of the answers came, 0 to 1, from
// when the request was due.
func (c *Class) Quantile(q float64) time.Duration { return quantile(c.answered, q) }

// RefusedQuantile is Quantile of what was refused.
func (c *Class) RefusedQuantile(q float64) time.Duration { return quantile(c.refused, q) }

// Lateness is how late the generator sent, with a free connection: what it adds
// to every figure.
func (r *Report) Lateness(q float64) time.Duration { return quantile(r.lateness, q) }

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(100*q)) * time.Microsecond
}

// PerSecond is the throughput of answers.
func (r *Report) PerSecond() float64 { return float64(r.Sum().Answered) / r.Elapsed.Seconds() }

// String is a table of the classes and their sum.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %9s %7s %7s %7s %9s %9s %9s %12s\n", "", "answered", "shed", "limited", "failed", "p50", "p99", "p99.9", "refused p99")
	for _, name := range slices.Sorted(maps.Keys(r.Classes)) {
		r.Classes[name].row(&b, name)
	}
	r.Sum().row(&b, "all")
	fmt.Fprintf(&b, "%.0f answers/s over %.1f s; the generator was late by %s (p50), %s (p99)\n", r.PerSecond(), r.Elapsed.Seconds(), short(r.Lateness(.5)), short(r.Lateness(.99)))
	for _, failure := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(&b, "failed %d times: %s\n", r.Failures[failure], failure)
	}
	return b.String()
}

func (c *Class) row(b *strings.Builder, name string) {
	fmt.Fprintf(b, "%-12s %9d %7d %7d %7d %9s %9s %9s %12s\n", name, c.Answered, c.Shed, c.Limited, c.Failed,
		short(c.Quantile(.5)), short(c.Quantile(.99)), short(c.Quantile(.999)), short(c.RefusedQuantile(.99)))
}

// short is a duration in milliseconds.
func short(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
