//go:build chaos

package chaos

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Shopify/toxiproxy/v2"
)

// fault is one thing that happens; it is given a time to last.
type fault struct {
	kind   string
	inject func(*service, time.Duration)
}

var faults = []fault{
	{"relay killed", killed("relay-1")},
	{"relay killed", killed("relay-2")},
	{"relay frozen", frozen("relay-1", 12*time.Second)}, // longer than the server keeps its slot
	{"indexer killed", killed("indexer-1")},
	{"indexer killed", killed("indexer-2")},
	{"indexer frozen", frozen("indexer-1", 12*time.Second)}, // longer than its session
	{"rebalance forced", signalled("indexer-2", syscall.SIGTERM)},
	{"opensearch killed", killed("opensearch")},
	{"opensearch frozen", frozen("opensearch", 0)},
	{"opensearch cut off", func(s *service, last time.Duration) { s.cut(s.search, last) }},
	{"opensearch slow", func(s *service, last time.Duration) { s.slow(s.search, last) }},
	{"bulk items failed", (*service).refuseItems},
	{"bulk items failed", (*service).refuseItems},
	{"kafka killed", killed("kafka")},
	{"kafka frozen", frozen("kafka", 0)},
	{"kafka cut off", func(s *service, last time.Duration) { s.cut(s.broker, last) }},
	{"kafka slow", func(s *service, last time.Duration) { s.slow(s.broker, last) }},
	{"postgres killed", killed("postgres")},
	{"postgres cut off", func(s *service, last time.Duration) { s.cut(s.database, last) }},
	{"postgres slow", func(s *service, last time.Duration) { s.slow(s.database, last) }},
	{"reindex begun", func(s *service, _ time.Duration) { s.operator.begin() }},
	{"reindex killed", func(s *service, _ time.Duration) { s.operator.kill() }},
}

// killed kills a process; the supervisor starts it again.
func killed(name string) func(*service, time.Duration) { return signalled(name, syscall.SIGKILL) }

func signalled(name string, signal syscall.Signal) func(*service, time.Duration) {
	return func(s *service, _ time.Duration) { s.signal(name, signal) }
}

// frozen stops a process for a while, and goes on meanwhile when that is longer
// than the others last.
func frozen(name string, atLeast time.Duration) func(*service, time.Duration) {
	return func(s *service, last time.Duration) {
		s.signal(name, syscall.SIGSTOP)
		if atLeast == 0 {
			wait(last)
			s.signal(name, syscall.SIGCONT)
			return
		}
		s.thawing.Go(func() {
			wait(atLeast + last)
			s.signal(name, syscall.SIGCONT)
		})
	}
}

// signal sends a signal to a process of the stack, unless it is down.
func (s *service) signal(name string, signal syscall.Signal) {
	content, err := os.ReadFile(filepath.Join(s.dir, "run", name+".pid"))
	pid, parsed := strconv.Atoi(strings.TrimSpace(string(content)))
	if err == nil && parsed == nil {
		_ = syscall.Kill(pid, signal)
	}
}

// cut closes a proxy and all its connections for a while.
func (s *service) cut(p *toxiproxy.Proxy, last time.Duration) {
	p.Stop()
	wait(last)
	check(s.t, p.Start())
}

// slow delays what comes back through a proxy for a while.
func (s *service) slow(p *toxiproxy.Proxy, last time.Duration) {
	const slow = `{"name": "slow", "type": "latency", "attributes": {"latency": 300, "jitter": 200}}`
	_, err := p.Toxics.AddToxicJson(strings.NewReader(slow))
	check(s.t, err)
	wait(last)
	check(s.t, p.Toxics.RemoveToxic(s.t.Context(), "slow"))
}

// refuseItems has some items of all bulk requests turned away for a while.
func (s *service) refuseItems(last time.Duration) {
	s.engine.refuse(true)
	wait(last)
	s.engine.refuse(false)
}

// heal waits until everything goes on again and the operator is done, and gives
// the differences that the operator was told of.
func (s *service) heal() (differences []string) {
	s.thawing.Wait()
	s.eventually("OpenSearch is back", 2*time.Minute, func() error { return get(s.t.Context(), s.SearchURL) })
	return s.operator.finish()
}
