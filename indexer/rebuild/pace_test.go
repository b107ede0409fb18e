package rebuild

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/search/opensearch"
)

func queriesOf(each time.Duration) opensearch.SearchTime {
	return opensearch.SearchTime{Queries: 100, Spent: 100 * each}
}

func TestTheBackfillGivesWayAndComesBack(t *testing.T) {
	o := &observer{pace: newPace(firstLevel), calm: calmWindows}
	o.rest(true)
	judge := func(windows int, each time.Duration) {
		for range windows {
			o.judge(queriesOf(each))
		}
	}
	judge(calmWindows, 10*time.Millisecond)
	if o.usual != 10*time.Millisecond || o.pace.calm {
		t.Fatalf("learned %s, still calm: %v", o.usual, o.pace.calm)
	}
	judge(30, 10*time.Millisecond)
	if o.level != backfillWorkers {
		t.Errorf("after queries as usual: level %g", o.level)
	}
	o.working = 0
	judge(20, 12*time.Millisecond)
	if o.level != leastLevel {
		t.Errorf("after slow queries: level %g", o.level)
	}
	o.working = 0
	judge(5, 11*time.Millisecond)
	if o.level != leastLevel {
		t.Errorf("after queries that are neither slow nor fast: level %g", o.level)
	}
	for o.calm == 0 {
		judge(1, 20*time.Millisecond)
	}
	judge(calmWindows, 20*time.Millisecond) // what is asked has changed
	if o.usual != 15*time.Millisecond {
		t.Errorf("learned anew: %s", o.usual)
	}
	o.calm = 1
	o.rest(true)
	if o.blind(); o.pace.calm || o.level >= backfillWorkers {
		t.Errorf("a cluster that does not answer: resting %v, level %g", o.pace.calm, o.level)
	}
	for range 10 {
		o.judge(opensearch.SearchTime{Queries: 1, Spent: time.Second})
	}
	if o.level != backfillWorkers {
		t.Errorf("when hardly anybody reads: level %g", o.level)
	}
}

func TestABackfillThatNobodyNoticesIsNotHeldBack(t *testing.T) {
	o := &observer{pace: newPace(firstLevel), calm: calmWindows}
	o.rest(true)
	if o.judge(opensearch.SearchTime{}); o.pace.calm || o.level != backfillWorkers {
		t.Errorf("resting %v, level %g", o.pace.calm, o.level)
	}
}

// paced runs workers whose requests take 100 ms and gives how many were answered
// in a minute.
func paced(t *testing.T, p *pace, most int64) (answered int64) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var underway, done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range backfillWorkers {
		g.Go(func() error {
			for p.begin(ctx) == nil {
				if n := underway.Add(1); n > most {
					t.Errorf("%d requests under way, want at most %d", n, most)
				}
				time.Sleep(100 * time.Millisecond) //nolint:forbidigo // virtual time
				underway.Add(-1)
				done.Add(1)
				p.end(100 * time.Millisecond)
			}
			return nil
		})
	}
	_ = g.Wait() // ends with the minute
	return done.Load()
}

func TestTheLevelIsKept(t *testing.T) {
	for _, c := range []struct {
		level float64
		most  int64
		least int64
	}{{backfillWorkers, backfillWorkers, 4700}, {3.7, 3, 1750}, {1, 1, 590}, {0.5, 1, 290}, {leastLevel, 1, 80}} {
		synctest.Test(t, func(t *testing.T) {
			n := paced(t, newPace(c.level), c.most)
			if n < c.least || float64(n) > 620*max(c.level, 0.15) {
				t.Errorf("level %g: %d requests in a minute", c.level, n)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPace(backfillWorkers)
		p.rest(true)
		if n := paced(t, p, 0); n != 0 {
			t.Errorf("while resting: %d requests", n)
		}
	})
}
