// Package simulate runs the whole path from a commit to the search index on a
// simulated clock, with the real decisions and simulated servers: package relay,
// package indexer, package rebuild and the search cluster's client are the
// service's own; Postgres, Kafka and the engine are models of what matters here.
//
// What the models promise, and what they spoil, is what the real ones do:
//
//   - Postgres (database, slot): messages before commits, commits in the order of
//     their LSNs, decoded before they are visible; rows locked until they are
//     visible; crashes that take confirmations back; restores and reloads that
//     take commits back.
//   - Kafka (broker, group): publishes repeated, also late and behind newer ones;
//     publishes done by halves; fetches in pieces; rebalances that do not wait for
//     the old members; members that die without leaving.
//   - The engine (engine): external versions, deletes forgotten after
//     index.gc_deletes and by a restart, items and requests refused, answers
//     lost, requests carried out long after their sender has given up.
//
// A seed decides everything: the service's goroutines take turns on one
// processor, and no two waits of the models end at the same instant. A run ends
// when everything has calmed down, with a comparison of every index that is fed
// with the database.
package simulate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// world is what the simulated servers and processes share. Everything in it is
// guarded by mu, which is never held while something waits.
type world struct {
	seed   uint64
	mu     sync.Mutex
	random *rand.Rand
	faults map[string]int
	trace  uint64
	log    func(string)
	began  time.Time
	late   sync.WaitGroup // what happens after its caller has given up
	calm   bool           // no more faults
	// inFlight is how many requests are still to be carried out late.
	inFlight int

	database *database
	broker   *broker
	engine   *engine
}

func newWorld(seed uint64, log func(string)) *world {
	w := &world{seed: seed, random: rand.New(rand.NewPCG(seed, 0x6d6f76696573)), faults: make(map[string]int), log: log, began: time.Now()}
	w.database, w.broker, w.engine = newDatabase(w), newBroker(w), newEngine(w)
	return w
}

// chance draws with a probability; never after calm. The caller holds mu.
func (w *world) chance(p float64) bool { return w.random.Float64() < p && !w.calm }

// fault counts one that has been injected. The caller holds mu.
func (w *world) fault(kind string) {
	w.faults[kind]++
	w.note("fault: %s", kind)
}

// note adds to the trace by which two runs are compared. The caller holds mu.
func (w *world) note(format string, args ...any) {
	text := fmt.Sprintf("%v "+format, append([]any{time.Since(w.began)}, args...)...)
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%x %s", w.trace, text)
	w.trace = h.Sum64()
	if w.log != nil {
		w.log(text)
	}
}

// between draws a duration to the nanosecond, so that no two waits end at the same
// instant. It depends on the place and the time, not on what else has been drawn:
// what one event wakes up at the same instant may draw in any order.
func (w *world) between(place string, least, most time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte(place), w.seed))
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano())))
	return least + time.Duration(rand.New(rand.NewPCG(h.Sum64(), w.seed)).Int64N(int64(most-least)+1))
}

// wait waits for a drawn time or the context's end.
func (w *world) wait(ctx context.Context, place string, least, most time.Duration) error {
	t := time.NewTimer(w.between(place, least, most))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errDead = errors.New("this process has been killed")

// process is one run of a command. When it is killed nothing it calls has an
// effect any more, except what was on its way.
type process struct {
	*world
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	dead   bool
	done   chan struct{}
	err    error // of an operator's command, once done
}

// spawn starts a process.
func (w *world) spawn(name string, run func(context.Context, *process)) *process {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{world: w, name: name, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if w.wait(ctx, name, 0, 50*time.Millisecond) == nil { // or the tickers of two would tick together
			run(ctx, p)
		}
	}()
	return p
}

// kill ends it as kill -9 does.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.stop()
}

// stop ends it as an interrupt does.
func (p *process) stop() {
	p.cancel()
	<-p.done
}

// step is a call on its way to a server.
func (p *process) step(ctx context.Context, place string, least, most time.Duration) error {
	if err := p.wait(ctx, p.name+" "+place, least, most); err != nil {
		return err
	}
	return p.alive()
}

func (p *process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	return nil
}
