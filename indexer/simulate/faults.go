package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"movies/indexer/rebuild"
	"movies/mappings"
)

// disturb injects faults for some minutes; in some runs one upon the other, in
// others with time for one to show all its consequences.
func (s *scenario) disturb(ctx context.Context) {
	pause := s.between("pause", 5*time.Second, time.Minute)
	for end := time.Now().Add(s.between("disturb", 90*time.Second, 5*time.Minute)); time.Now().Before(end); {
		_ = s.wait(ctx, "fault", 500*time.Millisecond, pause)
		s.mu.Lock()
		kind := s.random.IntN(100)
		s.mu.Unlock()
		switch {
		case kind < 12:
			s.killRelay()
		case kind < 24:
			s.killIndexer()
		case kind < 40:
			s.spell()
		case kind < 48:
			s.outage("postgres", s.database.crash, &s.database.down)
		case kind < 56:
			s.outage("engine", s.engine.crash, &s.engine.down)
		case kind < 62:
			s.outage("kafka", func() { s.broker.fault("kafka killed"); s.broker.down = true }, &s.broker.down)
		case kind < 69:
			s.rebalance()
		case kind < 72:
			s.restore()
		case kind < 74:
			s.backup()
		default:
			s.command()
		}
	}
}

func (s *scenario) count(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault(kind)
}

func (s *scenario) drawn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

func (s *scenario) killRelay() {
	i := s.drawn(len(s.relays))
	s.count("relay killed")
	s.relays[i].kill()
	s.relays[i] = s.startRelay(s.relays[i].name)
}

func (s *scenario) killIndexer() {
	i := s.drawn(len(s.indexers))
	s.count("indexer killed")
	s.indexers[i].kill()
	s.indexers[i] = s.startIndexer(s.indexers[i].name)
}

// spell makes the engine refuse some items for a while, each of them the whole
// while. Towards its end the engine may be restarted, which makes it forget the
// deletes that it took meanwhile.
func (s *scenario) spell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine.refusing > 0 {
		return
	}
	s.fault("items refused for a spell")
	s.engine.refusing, s.engine.share = 1+s.random.IntN(1<<20), 0.05+0.4*s.random.Float64()
	last := time.Duration(s.random.Int64N(int64(3 * time.Minute)))
	restart := s.random.IntN(2) == 0
	s.late.Go(func() {
		_ = s.wait(context.Background(), "spell", last*9/10, last*9/10)
		if restart {
			s.outage("engine", s.engine.crash, &s.engine.down)
		}
		_ = s.wait(context.Background(), "end of spell", last/10, last/10)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.engine.refusing = 0
	})
}

// outage takes a server down for a while.
func (s *scenario) outage(name string, crash func(), down *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *down || s.calm {
		return
	}
	crash()
	last := time.Duration(s.random.Int64N(int64(40 * time.Second)))
	s.late.Go(func() {
		_ = s.wait(context.Background(), "spell", last, last)
		s.mu.Lock()
		defer s.mu.Unlock()
		*down = false
		s.note("%s is up", name)
	})
}

func (s *scenario) rebalance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault("rebalance forced")
	for _, name := range s.engine.fed() {
		s.broker.group("indexer." + name).rebalance()
	}
}

func (s *scenario) backup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.database.backup = s.database.clone()
}

// restore gives the database another history. The operator's command dies with
// it: the simulated clock would stand still while it waits for the new epoch.
func (s *scenario) restore() {
	s.operator.kill()
	reloaded := s.drawn(2) == 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.database.restore(reloaded)
}

// command has the operator do something, or kills what the operator does.
func (s *scenario) command() {
	select {
	case <-s.operator.done:
	default:
		if s.drawn(3) == 0 {
			s.count("operator killed")
			s.operator.kill()
		}
		return
	}
	switch s.drawn(4) {
	case 0:
		s.operator = s.operate("rollback", rollback)
	case 1:
		s.operator = s.operate("finalize", finalize)
	default:
		s.operator = s.operate("reindex", func(ctx context.Context, r *rebuild.Rebuilder) error {
			if err := finalize(ctx, r); err != nil {
				return err
			}
			return reindex(ctx, r)
		})
	}
}

// compare compares every index that is fed with the database, after what readers
// have seen on the way.
func (s *scenario) compare() (differences []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	differences = s.engine.backwards
	for _, name := range s.engine.fed() {
		x := s.engine.indices[name]
		for id := int64(1); id <= movies; id++ {
			var want, got []byte
			if m, there := s.database.document(id); there {
				want, _ = json.Marshal(mappings.Project(m))
			}
			if d := x.documents[id]; d != nil {
				got = d.source
			}
			if !bytes.Equal(want, got) {
				differences = append(differences, fmt.Sprintf("%s: movie %d is %s, not %s", name, id, got, want))
			}
		}
		if ids := x.live(); len(ids) > 0 && slices.Max(ids) > movies {
			differences = append(differences, name+" has movies that never were")
		}
	}
	for _, state := range s.broker.states {
		if strings.Contains(state.RepairReason, "state is gone") {
			differences = append(differences, "a false alarm: "+state.RepairReason)
		}
	}
	if n := len(s.broker.letters); n > 0 {
		differences = append(differences, fmt.Sprintf("%d dead letters", n))
	}
	return differences
}
