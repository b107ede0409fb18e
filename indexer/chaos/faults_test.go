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
	{"relay killed", killed("relay")},
	{"indexer killed", killed("indexer-1")},
	{"indexer killed", killed("indexer-2")},
	{"opensearch killed", killed("opensearch")},
	{"kafka killed", killed("kafka")},
	{"postgres killed", killed("postgres")},
	{"postgres cut off", func(s *service, last time.Duration) { s.cut(s.database, last) }},
	{"opensearch cut off", func(s *service, last time.Duration) { s.cut(s.search, last) }},
	{"postgres slow", func(s *service, last time.Duration) { s.slow(s.database, last) }},
	{"opensearch slow", func(s *service, last time.Duration) { s.slow(s.search, last) }},
	{"rebalance forced", signalled("indexer-2", syscall.SIGTERM)},
}

// killed kills a process; the supervisor starts it again.
func killed(name string) func(*service, time.Duration) { return signalled(name, syscall.SIGKILL) }

func signalled(name string, signal syscall.Signal) func(*service, time.Duration) {
	return func(s *service, _ time.Duration) {
		content, err := os.ReadFile(filepath.Join(s.dir, "run", name+".pid"))
		pid, parsed := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil || parsed != nil {
			return // it is down already
		}
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

// heal waits until OpenSearch, the slowest to come up, answers again.
func (s *service) heal() {
	for end := time.Now().Add(2 * time.Minute); get(s.t.Context(), s.SearchURL) != nil; wait(200 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("OpenSearch does not come up again")
		}
	}
}
