package progress

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// memory is how far back the rate looks at least: work older than this weighs
// less than 1/e. Of long work it looks back as far as a third of it, for what slows
// it down for a while now will do so again.
const memory = 15 * time.Second

// estimate follows the work and tells its rate: what was done over the time it
// took, both of which count the less the longer they are ago. At the beginning
// that is the plain average.
type estimate struct {
	done, total int64
	weighted    float64 // what was done, by weight
	seconds     float64 // and in what time
	began, at   time.Time
}

func newEstimate(now time.Time, done, total int64) estimate {
	return estimate{done: done, total: total, began: now, at: now}
}

// set records progress.
func (e *estimate) set(now time.Time, done, total int64) {
	if total > 0 {
		e.total = total
	}
	elapsed := max(0, now.Sub(e.at).Seconds())
	forgotten := math.Exp(-elapsed / max(memory, now.Sub(e.began)/3).Seconds())
	e.weighted = e.weighted*forgotten + float64(done-e.done)
	e.seconds = e.seconds*forgotten + elapsed
	e.done, e.at = done, now
}

// rate is per second; 0 until something was done.
func (e *estimate) rate() float64 {
	if e.seconds == 0 {
		return 0
	}
	return max(0, e.weighted/e.seconds)
}

// state is what is shown.
type state struct {
	done, total int64
	rate        float64
	eta         time.Duration // 0 when unknown
}

// state at a time: a rate that nothing has confirmed for long fades.
func (e *estimate) state(now time.Time) state {
	s := state{done: e.done, total: e.total, rate: e.rate()}
	if silent := now.Sub(e.at) - memory; silent > 0 {
		s.rate *= math.Exp(-silent.Seconds() / memory.Seconds())
	}
	if left := s.total - s.done; left > 0 && s.rate > 0 {
		s.eta = time.Duration(min(float64(left)/s.rate, 1e9) * float64(time.Second))
	}
	return s
}

// describe is the state in words: "4,000 of 9,750 movies, 41 %, 3,100/s, 2s left".
func (s state) describe(unit string) string {
	parts := []string{Count(s.done) + " " + unit}
	if s.total > 0 {
		parts = []string{
			fmt.Sprintf("%s of %s %s", Count(s.done), Count(max(s.done, s.total)), unit),
			fmt.Sprintf("%d %%", min(100, s.done*100/s.total)),
		}
	}
	if s.rate > 0 {
		parts = append(parts, Count(int64(s.rate))+"/s")
	}
	if s.eta > 0 {
		parts = append(parts, s.eta.Round(time.Second).String()+" left")
	}
	return strings.Join(parts, ", ")
}

// Count writes a number with commas between groups of three digits.
func Count(n int64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
