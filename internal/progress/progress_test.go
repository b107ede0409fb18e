package progress

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRateFollowsTheWorkAndETAFollowsTheRate(t *testing.T) {
	now := time.Unix(0, 0)
	e := newEstimate(now, 500, 0)
	for range 30 {
		now = now.Add(time.Second)
		e.set(now, e.done+100, 10_000)
	}
	s := e.state(now)
	if s.done != 3_500 || s.rate < 99 || s.rate > 101 || s.eta.Round(time.Second) != 65*time.Second {
		t.Errorf("steady: got %+v, want 100/s and 65 s left", s)
	}
	for range 60 {
		now = now.Add(time.Second)
		e.set(now, e.done+10, 0)
	}
	if s := e.state(now); s.rate < 10 || s.rate > 13 {
		t.Errorf("slowed down: got %.1f/s, want nearly 10", s.rate)
	}
	if s := e.state(now.Add(time.Minute)); s.rate > 1 {
		t.Errorf("stalled for a minute: still shows %.1f/s", s.rate)
	}
}

func TestWhatEarlierRunsDidIsNotRate(t *testing.T) {
	now := time.Unix(0, 0)
	e := newEstimate(now, 1_000_000, 2_000_000)
	e.set(now.Add(10*time.Second), 1_000_100, 0)
	if s := e.state(now.Add(10 * time.Second)); s.rate != 10 {
		t.Errorf("got %.1f/s, want 10", s.rate)
	}
}

func TestDescribe(t *testing.T) {
	for want, s := range map[string]state{
		"0 movies":                          {},
		"1,234,567 movies, 99/s":            {done: 1234567, rate: 99.9},
		"50 of 200 movies, 25 %":            {done: 50, total: 200},
		"200 of 200 movies, 100 %":          {done: 200, total: 199},
		"1 of 8 movies, 12 %, 2/s, 4s left": {done: 1, total: 8, rate: 2, eta: 3600 * time.Millisecond},
	} {
		if got := s.describe("movies"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPlainAndJSONEndWithTheLastState(t *testing.T) {
	var plain, lines bytes.Buffer
	for out, o := range map[*bytes.Buffer]Options{
		&plain: {Name: "import", Unit: "movies"},
		&lines: {Name: "import", Unit: "movies", JSON: true},
	} {
		b := Start(out, o)
		b.Set(7, 7)
		b.Finish()
		b.Finish()
	}
	if got := plain.String(); !strings.HasPrefix(got, "import: 7 of 7 movies, 100 %") || strings.Count(got, "\n") != 1 {
		t.Errorf("plain: got %q", got)
	}
	var line struct {
		Task        string
		Done, Total int64
	}
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Task != "import" || line.Done != 7 || line.Total != 7 {
		t.Errorf("JSON: got %q, %v", lines.String(), err)
	}
}

// TestETAAfterTheFirstTenth follows workers that finish pieces out of step, on a
// cluster that now and then works at half its speed for a while, as when it merges.
func TestETAAfterTheFirstTenth(t *testing.T) {
	const pieces, workers = 2000, 8
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		start := time.Unix(0, 0)
		free := make([]time.Time, workers)
		for i := range free {
			free[i] = start
		}
		slowness := func(at time.Time) float64 {
			if at.Sub(start)%(20*time.Second) < 5*time.Second {
				return 2
			}
			return 1
		}
		e := newEstimate(start, 0, pieces)
		var promised, ended time.Time
		for done := range int64(pieces) {
			next := slices.MinFunc(free, time.Time.Compare)
			w := slices.Index(free, next)
			took := time.Duration((0.7 + 0.6*r.Float64()) * slowness(next) * float64(time.Second))
			free[w] = next.Add(took)
			ended = slices.MinFunc(free, time.Time.Compare)
			e.set(ended, done+1, 0)
			if promised.IsZero() && done+1 >= pieces/10 {
				promised = ended.Add(e.state(ended).eta)
			}
		}
		if off := math.Abs(promised.Sub(ended).Seconds()) / ended.Sub(start).Seconds(); off > 0.15 {
			t.Errorf("seed %d: promised %s, ended %s: %.0f %% off", seed, promised.Sub(start), ended.Sub(start), 100*off)
		}
	}
}
