//go:build bench

package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"movies/deploy/bench/load"
	"movies/deploy/bench/workload"
)

// settings are the variables of make bench-anonymous.
type settings struct {
	movies  int64
	seed    uint64
	asked   int // distinct questions
	rates   []float64
	warm    time.Duration
	each    time.Duration
	updates float64 // share of the rate
}

func readSettings(t *testing.T) settings {
	t.Helper()
	number := func(name string, otherwise float64) float64 {
		s := os.Getenv(name)
		if s == "" {
			return otherwise
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || n < 0 {
			t.Fatalf("%s must be a number, not %q", name, s)
		}
		return n
	}
	s := settings{movies: int64(number("MOVIES", 100_000)), seed: 1, asked: int(number("QUESTIONS", workload.DefaultQuestions)), updates: number("UPDATES", 0.02),
		warm: time.Duration(number("WARM", 30) * float64(time.Second)), each: time.Duration(number("SECONDS", 30) * float64(time.Second))}
	rates := os.Getenv("RATES")
	if rates == "" {
		rates = "868 2600"
	}
	for _, r := range strings.Fields(rates) {
		n, err := strconv.ParseFloat(r, 64)
		if err != nil {
			t.Fatalf("RATES must be requests a second such as \"868 2600\", not %q", rates)
		}
		s.rates = append(s.rates, n)
	}
	return s
}

// TestBenchAnonymous: the service under the fixed workload, with updates going
// on, and what its answers cost; then how many answers a second it and the
// references give when asked as fast as they answer.
func TestBenchAnonymous(t *testing.T) {
	o := readSettings(t)
	questions, err := workload.New(workload.Options{Movies: o.movies, Seed: o.seed, Questions: o.asked, Unique: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, o)
	s.bootService()
	fmt.Printf("%d movies, %d distinct questions, 10 %% of the requests never repeat\n", o.movies, questions.Len())

	s.measure("warming up", s.api, load.Options{Rate: o.rates[0], Duration: o.warm, Connections: 256, Next: questions.Stream(0).Next}, o.updates*o.rates[0], s.updateCatalogue)
	for i, rate := range o.rates {
		before := s.observe()
		report := s.measure(fmt.Sprintf("%.0f requests/s, %.0f updates/s", rate, o.updates*rate), s.api,
			load.Options{Rate: rate, Duration: o.each, Connections: 512, Next: questions.Stream(uint64(1 + i)).Next}, o.updates*rate, s.updateCatalogue)
		s.summarize(rate, report, before, s.observe())
	}
	ours := s.capacities("the service", s.api, questions, s.updateCatalogue)
	s.stopService()

	s.fillReference()
	for _, reference := range []struct {
		name  string
		start func() (address string, stop func())
	}{{"postgres", s.startPostgresReference}, {"fastapi", s.startFastAPI}} {
		address, stop := reference.start()
		theirs := s.capacities(reference.name, address, questions, s.updateReference)
		stop()
		for i, mix := range []string{"mixed-traffic", "mixed-traffic-without-unique"} {
			fmt.Printf("%s-vs-%s ours=%.0f/s reference=%.0f/s ratio=%.1f\n", mix, reference.name, ours[i], theirs[i], ours[i]/theirs[i])
		}
	}
}

// capacities asks as fast as answers come, first the whole workload, then what
// repeats of it; each after a warm-up. Who is refused asks again, so that all are
// answered the same mix.
func (s *stage) capacities(name, address string, questions *workload.Workload, update func(context.Context) error) (perSecond [2]float64) {
	s.t.Helper()
	for i, w := range []*workload.Workload{questions, questions.Repeating()} {
		options := load.Options{Duration: s.warm / 2, Connections: 32, Insist: true, Next: w.Stream(uint64(100 + i)).Next}
		s.measure(name+", warming up", address, options, 10, update)
		options.Duration, options.Next = s.each, w.Stream(uint64(110+i)).Next
		report := s.measure(name+", as fast as it answers"+[]string{"", ", nothing unique"}[i], address, options, 10, update)
		perSecond[i] = report.PerSecond()
		if all := report.Sum(); all.Failed*100 > all.Total() {
			s.t.Errorf("%s: %d of %d requests failed", name, all.Failed, all.Total())
		}
	}
	return perSecond
}

// measure runs a load with updates beside it and prints the report.
func (s *stage) measure(name, address string, o load.Options, updates float64, update func(context.Context) error) *load.Report {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	updated := make(chan int)
	go func() { updated <- every(ctx, updates, update) }()
	o.Address, o.Timeout, o.Header, o.Seed = address, 10*time.Second, []string{"Accept-Encoding", "gzip"}, 1
	report, err := load.Run(ctx, o)
	stop()
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Printf("-- %s (%d updates made)\n%s", name, <-updated, report)
	return report
}

// every calls f at a rate until the context ends, and tells how often it succeeded.
func every(ctx context.Context, perSecond float64, f func(context.Context) error) (done int) {
	if perSecond <= 0 {
		<-ctx.Done()
		return 0
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return done
		case <-tick.C:
		}
		if f(ctx) == nil {
			done++
		}
	}
}
