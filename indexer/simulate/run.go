package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/indexer"
	"movies/indexer/rebuild"
	"movies/indexer/relay"
)

// Result is what a run has found.
type Result struct {
	Seed uint64
	// Faults that were injected, by kind.
	Faults map[string]int
	// Differences between the indices and the database, or what kept the run from
	// ending; none when all is well.
	Differences []string
	// Trace sums up everything that happened, in its order: equal for equal runs.
	Trace uint64
}

// Run runs a seed. It must be called in a bubble of testing/synctest, whose clock
// it uses. log, unless nil, is told what happens.
func Run(seed uint64, log func(string)) Result {
	w := newWorld(seed, log)
	s := &scenario{world: w}
	differences := s.play()
	w.late.Wait()
	return Result{seed, w.faults, differences, w.trace}
}

// scenario is the course of a run: the service is brought up, it works through
// faults, everything calms down, and the outcome is compared.
type scenario struct {
	*world
	relays, indexers []*process
	operator         *process
	stop             context.CancelFunc // ends the writers
}

// quiet discards what the service logs.
var quiet = slog.New(slog.DiscardHandler)

func (s *scenario) startRelay(name string) *process {
	return s.spawn(name, func(ctx context.Context, p *process) {
		relay.New(p.acquire, reader{p}, client{p}, client{p}, quiet, prometheus.NewRegistry()).Run(ctx)
	})
}

func (s *scenario) startIndexer(name string) *process {
	return s.spawn(name, func(ctx context.Context, p *process) {
		engine, err := p.connect()
		if err != nil {
			panic(err) // the address is a constant
		}
		indexer.New(engine, client{p}, "", prometheus.NewRegistry(), quiet).Run(ctx)
	})
}

// operate starts an operator's command; its error is in the trace.
func (s *scenario) operate(command string, run func(context.Context, *rebuild.Rebuilder) error) *process {
	return s.spawn(command, func(ctx context.Context, p *process) {
		engine, err := p.connect()
		if err != nil {
			panic(err) // the address is a constant
		}
		p.err = run(ctx, rebuild.New(engine, client{p}, catalog{p}, catalog{p}, rebuild.Options{JSON: true, Operator: command, Chunk: 2}))
		p.mu.Lock()
		defer p.mu.Unlock()
		s.note("%s: done %v", command, p.err == nil)
		if p.err != nil && s.log != nil {
			s.log(command + ": " + p.err.Error())
		}
	})
}

func reindex(ctx context.Context, r *rebuild.Rebuilder) error {
	_, err := r.Run(ctx, rebuild.RunOptions{Shards: 1})
	return err
}

func finalize(ctx context.Context, r *rebuild.Rebuilder) error {
	_, err := r.Finalize(ctx)
	return err
}

func rollback(ctx context.Context, r *rebuild.Rebuilder) error {
	_, _, err := r.Rollback(ctx)
	return err
}

// play plays the run to its end.
func (s *scenario) play() []string {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.relays = []*process{s.startRelay("relay 1"), s.startRelay("relay 2")}
	s.indexers = []*process{s.startIndexer("indexer 1"), s.startIndexer("indexer 2")}
	for i := range 2 {
		s.late.Go(func() { s.writer(ctx, fmt.Sprint("writer ", i)) })
	}
	s.operator = s.operate("first index", reindex)
	_ = s.wait(ctx, "first index", 5*time.Second, 15*time.Second)
	s.disturb(ctx)
	differences := s.calmDown()
	stop()
	for _, p := range append(append(s.relays, s.indexers...), s.operator) {
		p.stop()
	}
	return differences
}

// writer writes until the context ends; in some runs all the time, in others so
// seldom that what goes wrong is not soon put right by the next change.
func (s *scenario) writer(ctx context.Context, name string) {
	pace := s.between(name+" pace", 200*time.Millisecond, 20*time.Second)
	for s.wait(ctx, name, time.Millisecond, pace) == nil {
		t := s.database.begin()
		if t == nil {
			continue
		}
		most := 20 * time.Millisecond
		s.mu.Lock()
		if s.chance(0.1) {
			s.fault("late commit")
			most = 4 * time.Second
		}
		s.mu.Unlock()
		_ = s.wait(context.Background(), name, time.Millisecond, most)
		s.database.commit(t)
	}
}

// calmDown lets everything end that has begun, repairs what an epoch asks for,
// and compares.
func (s *scenario) calmDown() []string {
	s.mu.Lock()
	s.calm, s.database.down, s.broker.down, s.engine.down, s.engine.refusing = true, false, false, false, 0
	s.mu.Unlock()
	s.stop()
	for _, p := range []*process{s.operator} {
		if !s.ends(p) {
			return []string{"the operator's " + p.name + " does not end"}
		}
	}
	for range 3 { // an unfinished rebuild is gone on with, and may have to start over
		if s.operator = s.operate("last index", reindexUnfinished); !s.ends(s.operator) {
			return []string{"the unfinished rebuild does not end"}
		}
	}
	if s.operator.err != nil {
		return []string{"the unfinished rebuild fails: " + s.operator.err.Error()}
	}
	if stuck := s.settled(); stuck != "" {
		return []string{stuck}
	}
	s.mu.Lock()
	epochs, fed := slices.Max(slices.Collect(maps.Keys(s.broker.states))), s.engine.fed()
	s.mu.Unlock()
	if len(fed) == 0 {
		return []string{"no index is fed"}
	}
	for _, index := range fed {
		if epochs == 1 {
			break
		}
		s.operator = s.operate("repair", func(ctx context.Context, r *rebuild.Rebuilder) error {
			_, err := r.Repair(ctx, index)
			return err
		})
		if !s.ends(s.operator) {
			return []string{"the repair does not end"}
		}
		if s.operator.err != nil {
			return []string{"the repair fails: " + s.operator.err.Error()}
		}
	}
	if stuck := s.settled(); stuck != "" {
		return []string{stuck}
	}
	return s.compare()
}

// reindexUnfinished makes an index unless one answers and no rebuild is open.
func reindexUnfinished(ctx context.Context, r *rebuild.Rebuilder) error {
	status, err := r.Status(ctx)
	if err != nil {
		return err
	}
	for _, index := range status.Indices {
		if index.Reads && status.Run == nil {
			return nil
		}
	}
	return reindex(ctx, r)
}

// ends waits for an operator's command.
func (s *scenario) ends(p *process) bool {
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	select {
	case <-p.done:
		return true
	case <-t.C:
		return false
	}
}

// settled waits until everything committed has arrived, and says what has not.
func (s *scenario) settled() (stuck string) {
	for range 1000 {
		if stuck = s.unsettled(); stuck == "" {
			return ""
		}
		_ = s.wait(context.Background(), "settle", time.Second, 2*time.Second)
	}
	return stuck
}

func (s *scenario) unsettled() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight > 0 {
		return fmt.Sprintf("%d requests have not ended", s.inFlight)
	}
	if !s.database.slot.exists || s.database.slot.confirmed < s.database.wal {
		return fmt.Sprintf("the relay stands at %d of %d", s.database.slot.confirmed, s.database.wal)
	}
	for _, name := range s.engine.fed() {
		g := s.broker.group(indexer.GroupID(name))
		for p := range s.broker.changes {
			if end := int64(len(s.broker.changes[p])); g.offsets[p] != end {
				return fmt.Sprintf("the feed of %s stands at %d of %d in partition %d", name, g.offsets[p], end, p)
			}
		}
	}
	return ""
}
