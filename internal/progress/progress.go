// Package progress shows how far long work has come and when it will be done: a
// bar on a terminal, a plain line every few seconds elsewhere (so that logs stay
// readable), JSON lines for programs. The three show the same numbers.
//
// Showing progress never fails the work: what cannot be written is dropped.
package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// How often a line is written.
const (
	plainEvery = 5 * time.Second
	jsonEvery  = time.Second
)

// Options describe the work.
type Options struct {
	// Name of the work, such as "import movies.jsonl".
	Name string
	// Unit is what is counted, in the plural.
	Unit string
	// JSON selects JSON lines.
	JSON bool
	// Done is what earlier runs have done already; it does not count for the rate.
	Done int64
	// Total is how much there is to do; 0 when unknown.
	Total int64
}

// Bar shows one piece of work. It is safe for concurrent use.
type Bar struct {
	options Options
	out     io.Writer

	mu       sync.Mutex // guards estimate
	estimate estimate
	writing  sync.Mutex // guards out, where there is no bar
	ending   sync.Once

	bars *mpb.Progress // nil unless on a terminal
	bar  *mpb.Bar
	stop chan struct{}
	idle sync.WaitGroup
}

// Start begins to show work on out; end it with Finish.
func Start(out io.Writer, o Options) *Bar {
	b := &Bar{options: o, out: out, stop: make(chan struct{})}
	b.estimate = newEstimate(time.Now(), o.Done, o.Total)
	switch {
	case o.JSON:
		b.every(jsonEvery, b.writeJSON)
	case isTerminal(out):
		b.startBar()
	default:
		b.every(plainEvery, b.writePlain)
	}
	return b
}

// isTerminal tells whether somebody is watching.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Set says how much has been done and, if it is known better now, how much there
// is; total 0 leaves that as it was.
func (b *Bar) Set(done, total int64) {
	b.mu.Lock()
	b.estimate.set(time.Now(), done, total)
	total = b.estimate.total
	b.mu.Unlock() // before the bar is called, whose goroutine asks for the state
	if b.bar != nil {
		b.bar.SetTotal(total, false)
		b.bar.SetCurrent(done)
	}
}

// Write prints text, whole lines, without disturbing the bar.
func (b *Bar) Write(p []byte) (int, error) {
	if b.bars != nil {
		if n, err := b.bars.Write(p); err == nil {
			return n, nil
		} // the bar has ended
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	return b.out.Write(p)
}

// Finish shows the last state and stops. It may be called more than once.
func (b *Bar) Finish() {
	b.ending.Do(func() {
		close(b.stop)
		b.idle.Wait()
		if b.bars != nil {
			b.bar.Abort(false)
			b.bars.Wait()
		}
	})
}

// every writes a line at an interval and a last one at the end.
func (b *Bar) every(interval time.Duration, write func(state)) {
	b.idle.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				write(b.state())
			case <-b.stop:
				write(b.state())
				return
			}
		}
	})
}

func (b *Bar) state() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.estimate.state(time.Now())
}

func (b *Bar) writePlain(s state) {
	_, _ = fmt.Fprintf(b, "%s: %s\n", b.options.Name, s.describe(b.options.Unit))
}

func (b *Bar) writeJSON(s state) {
	line := struct {
		Task  string  `json:"task"`
		Unit  string  `json:"unit"`
		Done  int64   `json:"done"`
		Total int64   `json:"total,omitempty"`
		Rate  float64 `json:"per_second"`
		ETA   float64 `json:"eta_seconds,omitempty"`
	}{b.options.Name, b.options.Unit, s.done, s.total, math.Round(s.rate*10) / 10, math.Round(s.eta.Seconds())}
	_ = json.NewEncoder(b).Encode(line)
}

func (b *Bar) startBar() {
	b.bars = mpb.New(mpb.WithOutput(b.out), mpb.WithRefreshRate(150*time.Millisecond))
	b.bar = b.bars.New(b.options.Total, mpb.BarStyle().Rbound("|").Lbound("|"),
		mpb.PrependDecorators(decor.Name(b.options.Name+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + b.state().describe(b.options.Unit) })))
	b.bar.SetCurrent(b.options.Done)
}
