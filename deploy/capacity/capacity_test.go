package main

import (
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

// TestModelMeetsTheMeasurements: what was measured comes out again, within 20 %.
func TestModelMeetsTheMeasurements(t *testing.T) {
	shares := writeShare
	for _, k := range kinds {
		shares += k.share
		for _, p := range k.points {
			got := p.cores / k.cost(p.movies)
			if math.Abs(got-p.perSecond) > 0.2*p.perSecond {
				t.Errorf("%s over %.0f movies: %.0f/s, measured %.0f/s", k.name, p.movies, got, p.perSecond)
			}
		}
		if between := k.cost(3e6); between > k.cost(5e6) || k.cost(50e6) < 9*k.cost(5e6) && len(k.points) > 1 {
			t.Errorf("%s: costs %g at 3 M, %g at 5 M, %g at 50 M", k.name, between, k.cost(5e6), k.cost(50e6))
		}
	}
	if math.Abs(shares-1) > 1e-9 {
		t.Errorf("the shares of all requests make %g", shares)
	}
}

// TestHitRatio compares the formula with a cache that is filled.
func TestHitRatio(t *testing.T) {
	const rate, ttl, seconds = 200.0, 10.0, 60.0
	cumulated := make([]float64, distinct)
	sum := 0.0
	for i := range cumulated {
		sum += math.Pow(float64(i+1), -exponent) / harmonic
		cumulated[i] = sum
	}
	random := rand.New(rand.NewPCG(1, 1))
	filled := map[int]float64{}
	asked, hits := 0.0, 0.0
	for now := 0.0; now < seconds; now += random.ExpFloat64() / rate {
		question := -1 // never asked before
		if random.Float64() >= neverRepeated {
			question = sort.SearchFloat64s(cumulated, random.Float64())
		}
		at, ok := filled[question]
		hit := ok && question >= 0 && now-at < ttl
		if !hit {
			filled[question] = now
		}
		if now > ttl { // warm
			asked++
			if hit {
				hits++
			}
		}
	}
	if got := hitRatio(rate, ttl); math.Abs(got-hits/asked) > 0.03 {
		t.Errorf("the formula says %.3f, a cache %.3f", got, hits/asked)
	}
	if hitRatio(rate, 0) != 0 || hitRatio(10*rate, ttl) <= hitRatio(rate, ttl) {
		t.Error("nothing is found without a cache, and more with more requests")
	}
}

// TestPlansGrow: more requests or movies never need fewer machines, and a cache
// never more.
func TestPlansGrow(t *testing.T) {
	for i, h := range hits {
		for j, m := range movies {
			p := plan(scenario{h, m}, true)
			if p.searchNodes < 3 || p.bottleneck == "" || p.engine > p.peak {
				t.Errorf("%g hits, %g movies: %+v", h, m, p)
			}
			if without := plan(scenario{h, m}, false); without.searchNodes < p.searchNodes {
				t.Errorf("%g hits, %g movies: %d nodes without a cache, %d with", h, m, without.searchNodes, p.searchNodes)
			}
			if i > 0 && plan(scenario{hits[i-1], m}, true).searchCores >= p.searchCores {
				t.Errorf("%g hits need no more than %g", h, hits[i-1])
			}
			if j > 0 && plan(scenario{h, movies[j-1]}, true).searchCores >= p.searchCores {
				t.Errorf("%g movies need no more than %g", m, movies[j-1])
			}
		}
	}
	if p := plan(scenario{1e4, 2.5e9}, true); p.bottleneck != "page cache" && p.bottleneck != "disk" {
		t.Errorf("many movies nobody asks for are short of %s", p.bottleneck)
	}
	if p := plan(scenario{10e9, 5e6}, true); !strings.Contains(p.bottleneck, "Postgres") {
		t.Errorf("10 G hits are short of %s", p.bottleneck)
	}
}

func TestDay(t *testing.T) {
	s := scenario{75e6, 25e6}
	total, most := 0.0, 0.0
	for second := range 86400 {
		rate := rateAt(s, float64(second))
		total, most = total+rate, max(most, rate)
	}
	if math.Abs(total/s.hitsADay-1) > 0.001 || math.Abs(most/(s.hitsADay/86400*peakFactor)-1) > 0.001 {
		t.Errorf("a day has %.0f hits and %.0f/s at the peak", total, most)
	}
	p := plan(s, true)
	calm := simulate(s, p, trouble{})
	if calm.shed != 0 || calm.utilisation > busy+0.02 || calm.utilisation < 0.4 {
		t.Errorf("a calm day: %+v", calm)
	}
	for _, e := range troubles {
		if d := simulate(s, p, e); d.shed < calm.shed || d.shed > 0.01 {
			t.Errorf("%s: sheds %.3f %% of the day", e.name, 100*d.shed)
		}
	}
	p.searchNodes /= 3
	if d := simulate(s, p, trouble{}); d.worstMinute < 0.05 || d.utilisation < 1 {
		t.Errorf("on a third of the nodes: %+v", d)
	}
}

func TestReport(t *testing.T) {
	var out strings.Builder
	if err := report(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"assumed", "measured", "750 M", "a search node is lost"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not speak of %q", want)
		}
	}
}
