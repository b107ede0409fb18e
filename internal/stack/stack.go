// Package stack boots the real servers of the search service on one machine:
// PostgreSQL, Apache Kafka, OpenSearch and Redis, as plain processes on the
// loopback, without containers. The demo and the tests run on it.
//
// What it promises:
//   - Nothing is installed: programs come from Maven packages into a cache.
//   - Data, ports and the database password persist in the stack's folder; a
//     second boot takes them up again. Servers listen on 127.0.0.1 only.
//   - Stacks in different folders do not disturb each other; a folder has one.
//   - Servers that die are restarted, and nothing outlives the stack
//     (see package supervisor).
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// Options says where and how a stack runs.
type Options struct {
	// Dir holds everything of this stack: data, log and run (pid files).
	Dir string
	// CacheDir keeps the servers' programs; empty means a folder of the user's
	// cache that all stacks share.
	CacheDir string
	// POM is the content of the pom that names the servers' packages.
	POM []byte
	// SearchHeap is OpenSearch's heap in MiB; 0 means 1024.
	SearchHeap int
	// Ephemeral begins with empty data and lets PostgreSQL skip its syncs.
	Ephemeral bool
	// AdvertisedKafka is the address, as host:port, that the broker tells its
	// clients to use, such as a proxy's; empty means its own.
	AdvertisedKafka string
	// Report gets one line for every event a person should see, one at a time.
	Report func(line string)
}

// Stack is a set of servers. After Boot its addresses do not change, and its
// methods may be called concurrently.
type Stack struct {
	DatabaseURL     string // database movies, as its superuser
	AuthDatabaseURL string // database auth, on the same server
	KafkaBrokers    string // host:port
	SearchURL       string
	RedisURL        string

	options    Options
	report     func(line string)
	supervisor *supervisor.Supervisor
	account    account
	data       string
	state      *state
	store      artifact.Store
	jdk        jdk
}

// Open takes the folder over, ends what a killed stack left there and finds what
// the servers need to start. The caller stops the stack.
func Open(options Options) (_ *Stack, err error) {
	if options.Dir, err = filepath.Abs(options.Dir); err != nil {
		return nil, err
	}
	s := &Stack{options: options, report: oneAtATime(options.Report)}
	if s.account, err = serverAccount(); err != nil {
		return nil, err
	}
	if s.jdk, err = findJDK(s.account.canEnter); err != nil {
		return nil, err
	}
	if s.options.CacheDir == "" {
		if s.options.CacheDir, err = s.account.cacheFolder(); err != nil {
			return nil, err
		}
	}
	s.store = artifact.Store{Dir: s.options.CacheDir, POM: options.POM, JavaHome: mavenHome(os.Getenv("JAVA_HOME"), s.jdk), Report: s.report}
	if s.supervisor, err = supervisor.New(options.Dir, s.report); err != nil {
		return nil, err
	}
	if err := s.openData(); err != nil {
		return nil, errors.Join(err, s.supervisor.Stop(context.Background()))
	}
	return s, nil
}

// Boot starts every server and returns when all of them serve, or why one does
// not. It sets the addresses.
func (s *Stack) Boot(ctx context.Context) error {
	servers, ctx := errgroup.WithContext(ctx)
	for _, start := range []func(context.Context) error{s.startPostgres, s.startKafka, s.startOpenSearch, s.startRedis} {
		servers.Go(func() error { return start(ctx) })
	}
	return servers.Wait()
}

// openData makes or finds the servers' data and what is remembered about them.
func (s *Stack) openData() (err error) {
	if s.data, err = s.account.dataFolder(s.options.Dir); err != nil {
		return err
	}
	if s.options.Ephemeral {
		if err := empty(s.data); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.options.CacheDir, 0o755); err != nil {
		return err
	}
	for _, dir := range []string{s.temp(), s.archives()} {
		if err := s.account.mkdir(dir); err != nil {
			return err
		}
	}
	s.state, err = loadState(filepath.Join(s.data, "state.json"))
	return err
}

// Start adds a process of the caller's to the stack: it is watched like the
// servers and stopped before those started earlier.
func (s *Stack) Start(ctx context.Context, p supervisor.Process) error {
	return s.supervisor.Start(ctx, p)
}

// Port returns a free port of the loopback for one of the caller's processes: the
// one it had in an earlier stack of this folder, when that is still free.
func (s *Stack) Port(name string) (int, error) { return s.state.port(name) }

// DataFile is the path of a file that lives as long as the servers' data.
func (s *Stack) DataFile(name string) string { return filepath.Join(s.data, name) }

// LogFile is where the output of the named process goes.
func (s *Stack) LogFile(name string) string { return s.supervisor.LogFile(name) }

// Stop ends every process, the last started first. A canceled context turns the
// graceful ends into kills.
func (s *Stack) Stop(ctx context.Context) error { return s.supervisor.Stop(ctx) }

// Env names the servers in the variables that configure the service's processes.
func (s *Stack) Env() []string {
	return []string{
		"DATABASE_URL=" + s.DatabaseURL,
		"AUTH_DATABASE_URL=" + s.AuthDatabaseURL,
		"KAFKA_BROKERS=" + s.KafkaBrokers,
		"SEARCH_URL=" + s.SearchURL,
		"REDIS_URL=" + s.RedisURL,
	}
}

// serve starts a server on ports of its own, named as in the state file. Should
// another process take one of them first, it tries again with others.
func (s *Stack) serve(ctx context.Context, names []string, process func(ports []int) (supervisor.Process, error)) ([]int, error) {
	for attempt := 1; ; attempt++ {
		ports := make([]int, len(names))
		for i, name := range names {
			var err error
			if ports[i], err = s.state.port(name); err != nil {
				return nil, err
			}
		}
		p, err := process(ports)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		err = s.supervisor.Start(ctx, p)
		if err == nil {
			s.report(fmt.Sprintf("%s: ready on %s after %.1f s", p.Name, loopback(ports[0]), time.Since(begin).Seconds()))
			return ports, nil
		}
		if attempt == 3 || ctx.Err() != nil || allFree(ports) {
			return nil, err
		}
	}
}

func allFree(ports []int) bool {
	for _, port := range ports {
		if !free(port) {
			return false
		}
	}
	return true
}

// environment is all that a server gets to see.
func (s *Stack) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.temp(), "TMPDIR=" + s.temp(), "LC_ALL=C", "TZ=UTC"}
}

// temp is the folder for the servers' temporary files.
func (s *Stack) temp() string { return filepath.Join(s.data, "tmp") }

// empty removes what is in the folder but not the folder.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return err
}

// oneAtATime makes report safe to call from several goroutines.
func oneAtATime(report func(string)) func(string) {
	var mu sync.Mutex
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		report(line)
	}
}
