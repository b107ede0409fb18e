package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/search"
	"movies/search/cache"
)

// redisServer is a server of the test's own, of the same program as the shared one.
type redisServer struct {
	t          testing.TB
	executable string
	address    string
	process    *exec.Cmd
}

func newRedisServer(t testing.TB) *redisServer {
	t.Helper()
	shared, _ := stacktest.Redis(t)
	u, err := url.Parse(shared)
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{t: t}
	for _, line := range command(t, u.Host, "INFO server") {
		if path, ok := strings.CutPrefix(line, "executable:"); ok {
			s.executable = path
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	_ = l.Close()
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *redisServer) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = exec.Command(s.executable, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", s.t.TempDir())
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "redis answers", func() bool {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func (s *redisServer) kill() {
	_ = s.process.Process.Signal(syscall.SIGCONT)
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *redisServer) signal(sig syscall.Signal) { _ = s.process.Process.Signal(sig) }

// command sends one inline command and gives the lines of its answer.
func command(t testing.TB, address, line string) []string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "%s\r\nQUIT\r\n", line); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for in := bufio.NewScanner(c); in.Scan(); {
		lines = append(lines, strings.TrimSpace(in.Text()))
	}
	return lines
}

// patient is a deadline that a busy machine keeps, for tests of something else.
const patient = 5 * time.Second

// replica is a cache of its own in front of a common origin and Redis.
func replica(t testing.TB, o *origin, address, prefix string, deadline time.Duration) (*cache.Cache, *prometheus.Registry) {
	t.Helper()
	r, err := cache.NewRedis(cache.RedisOptions{Redis: config.Redis{URL: config.Secret("redis://" + address)}, Prefix: prefix,
		Deadline: deadline, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	registry := prometheus.NewRegistry()
	c := newCache(t, o, func(o *cache.Options) { o.Redis, o.Metrics = r, registry })
	eventually(t, "redis is used", func() bool { return gauge(t, registry, "movies_cache_redis_up") == 1 })
	return c, registry
}

func sharedRedis(t testing.TB) (address, prefix string) {
	t.Helper()
	shared, prefix := stacktest.Redis(t)
	u, err := url.Parse(shared)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host, prefix
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// TestReplicasShareAnswers of all kinds, with their age.
func TestReplicasShareAnswers(t *testing.T) {
	t.Parallel()
	address, prefix := sharedRedis(t)
	o := &origin{items: []search.Item{film(1, 1), film(2, 4)}}
	a, metrics := replica(t, o, address, prefix, patient)
	b, _ := replica(t, o, address, prefix, patient)
	first, _, _ := find(t, a, "alien")
	stored := func(n float64) func() bool {
		return func() bool { return counter(t, metrics, "movies_cache_redis_commands_total", "stored") >= n }
	}
	eventually(t, "the search is shared", stored(1))
	const later = 50 * time.Millisecond
	<-time.After(later)
	second, age, _ := find(t, b, "ALIEN ")
	if first != second || age < later || o.searches.Load() != 1 {
		t.Errorf("%s here, %s of age %v there, %d searches", first, second, age, o.searches.Load())
	}
	look(t, a, 1, 2)
	eventually(t, "the movies are shared", stored(3))
	if got, _ := look(t, b, 2, 1); !slices.Equal(got, []movie.Version{4, 1}) || o.lookups.Load() != 1 {
		t.Errorf("got %v after %d lookups", got, o.lookups.Load())
	}
	for i, c := range []*cache.Cache{a, b} {
		got, err := c.Suggest(t.Context(), search.SuggestRequest{Text: "al"})
		if err != nil || got.Items[0].Text != "1" {
			t.Errorf("replica %d: suggested %v, %v", i, got, err)
		}
		eventually(t, "the suggestions are shared", stored(4))
	}
}

// TestOneFlightOverReplicas: the question goes to the origin once, and the replica
// that waits has the other's answer.
func TestOneFlightOverReplicas(t *testing.T) {
	t.Parallel()
	address, prefix := sharedRedis(t)
	o := &origin{items: []search.Item{film(1, 1)}, takes: 60 * time.Millisecond}
	var replicas []*cache.Cache
	for range 4 {
		c, _ := replica(t, o, address, prefix, patient)
		replicas = append(replicas, c)
	}
	const questions = 20
	var all sync.WaitGroup
	for i := range questions {
		for _, c := range replicas {
			all.Go(func() { find(t, c, fmt.Sprint("question ", i)) })
		}
	}
	all.Wait()
	// A machine so busy that a replica gives up waiting asks again; once or twice.
	if n := o.searches.Load(); n < questions || n > questions+questions/4 {
		t.Errorf("%d searches for %d questions at 4 replicas", n, questions)
	}
}

// TestReplicaHearsOfRenewal: what Redis has is kept in the process too, and the
// next look finds what another replica has put there since.
func TestReplicaHearsOfRenewal(t *testing.T) {
	t.Parallel()
	address, prefix := sharedRedis(t)
	o := &origin{items: []search.Item{film(1, 1)}}
	a, _ := replica(t, o, address, prefix, patient)
	b, _ := replica(t, o, address, prefix, patient)
	find(t, a, "alien")
	eventually(t, "both have the first answer", func() bool { answer, _, _ := find(t, b, "alien"); return answer == "1" })
	<-time.After(2100 * time.Millisecond) // both are to be renewed
	find(t, a, "alien")
	eventually(t, "one replica has renewed the answer", func() bool { return o.searches.Load() == 2 })
	eventually(t, "the other gives it out", func() bool { answer, _, _ := find(t, b, "alien"); return answer == "2" })
	if n := o.searches.Load(); n != 2 {
		t.Errorf("%d searches, want the other replica to take the renewed answer from Redis: 2", n)
	}
}

// TestRedisTrouble: killed, frozen, flushed and restarted, Redis costs no error
// and little time, and is used again when it is back.
func TestRedisTrouble(t *testing.T) {
	t.Parallel()
	server := newRedisServer(t)
	o := &origin{items: []search.Item{film(1, 1)}}
	c, metrics := replica(t, o, server.address, "", cache.DefaultDeadline)
	n := 0
	ask := func(what string, questions int) {
		t.Helper()
		began := time.Now()
		for range questions {
			n++
			find(t, c, fmt.Sprint("question ", n))
			look(t, c, int64(n))
		}
		// Four commands of each would have to fail at their deadline: 80 s.
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %d questions took %v", what, questions, took)
		}
	}
	up := func() bool { return gauge(t, metrics, "movies_cache_redis_up") == 1 }
	ask("well", 20)
	command(t, server.address, "FLUSHALL")
	ask("flushed", 20)

	server.signal(syscall.SIGSTOP)
	ask("frozen", 200)
	if up() {
		t.Error("a frozen Redis is still asked by every question")
	}
	server.signal(syscall.SIGCONT)
	eventually(t, "it is used again after it was frozen", func() bool { ask("thawing", 1); return up() })

	server.kill()
	ask("killed", 200)
	server.start()
	eventually(t, "it is used again after it was killed", func() bool { ask("restarting", 1); return up() })
	var before int64
	other, _ := replica(t, o, server.address, "", patient)
	eventually(t, "after its trouble it shares answers", func() bool {
		n++
		find(t, c, fmt.Sprint("after all ", n))
		before = o.searches.Load()
		find(t, other, fmt.Sprint("after all ", n))
		return o.searches.Load() == before
	})
}

// TestWithoutRedis: the process starts and answers while Redis was never there.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	r, err := cache.NewRedis(cache.RedisOptions{Redis: config.Redis{URL: "redis://127.0.0.1:1"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	o := &origin{items: []search.Item{film(1, 1)}}
	c := newCache(t, o, func(o *cache.Options) { o.Redis = r })
	for i := range 100 {
		find(t, c, fmt.Sprint(i))
	}
	if r.Ping(t.Context()) == nil {
		t.Error("Redis is said to be used")
	}
	stop()
	running.Wait()
}
