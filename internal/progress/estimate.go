package progress

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// memory is how far back the rate looks: work older than this weighs less than
// 1/e.
const memory = 15 * time.Second

// estimate follows the work and tells its rate.
type estimate struct {
	done, total int64
	rate        float64 // per second, smoothed; 0 until something was done
	at          time.Time
}

func newEstimate(now time.Time, done, total int64) estimate {
	return estimate{done: done, total: total, at: now}
}

// set records progress. The first measurement counts fully, later ones by how
// much time they cover.
func (e *estimate) set(now time.Time, done, total int64) {
	if total > 0 {
		e.total = total
	}
	elapsed := now.Sub(e.at).Seconds()
	if elapsed <= 0 {
		e.done = done
		return
	}
	latest := float64(done-e.done) / elapsed
	if e.rate == 0 {
		e.rate = latest
	} else {
		weight := 1 - math.Exp(-elapsed/memory.Seconds())
		e.rate += weight * (latest - e.rate)
	}
	e.done, e.at = done, now
}

// state is what is shown.
type state struct {
	done, total int64
	rate        float64
	eta         time.Duration // 0 when unknown
}

// state at a time: a rate that nothing has confirmed for long fades.
func (e *estimate) state(now time.Time) state {
	s := state{done: e.done, total: e.total, rate: e.rate}
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
