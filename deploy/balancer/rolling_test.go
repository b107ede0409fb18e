//go:build rolling

package balancer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"movies/deploy/bench/load"
	"movies/internal/config"
	"movies/internal/generate"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
	"movies/mappings"
	"movies/search/opensearch"
)

const movies, seed = 400, 7

// TestRollingRestart restarts three replicas behind HAProxy one by one, as
// reads go on. Not one request fails, none is refused.
func TestRollingRestart(t *testing.T) {
	engine := engineWithMovies(t)
	binary := filepath.Join(t.TempDir(), "api")
	command(t, "go", "build", "-o", binary, "movies/cmd/api")
	replicas := make([]*replica, 3)
	for i := range replicas {
		replicas[i] = &replica{t: t, binary: binary, address: freeAddress(t), engine: engine}
		replicas[i].start()
	}
	balancer := startBalancer(t, replicas)
	waitUntil(t, "the balancer has a replica", func() bool { return status("http://"+balancer+"/readyz") == http.StatusOK })

	ctx, done := context.WithCancel(t.Context())
	defer done()
	reported := make(chan *load.Report)
	go func() {
		report, err := load.Run(ctx, load.Options{Address: balancer, Rate: 40, Duration: 10 * time.Minute, Connections: 32,
			Timeout: 30 * time.Second, Next: lookups(), Seed: 1})
		if err != nil {
			t.Error(err)
		}
		reported <- report
	}()
	served := make([]int64, len(replicas))
	for i, r := range replicas {
		waitUntil(t, "the replica is asked", func() bool { return r.requests() > 20 })
		served[i] = r.requests()
		r.stop()
		r.start()
		waitUntil(t, "the new replica is asked", func() bool { return r.requests() > 20 })
	}
	done()
	report := <-reported
	fmt.Printf("rolling restart of %d replicas:\n%s", len(replicas), report)
	all := report.Sum()
	if all.Failed > 0 || all.Shed > 0 || all.Limited > 0 || all.Answered < 100 {
		t.Errorf("%d answered, %d failed, %d shed, %d limited", all.Answered, all.Failed, all.Shed, all.Limited)
	}
	fmt.Printf("rolling-restart requests=%d failed=%d\n", all.Total(), all.Total()-all.Answered)
}

// lookups are of one movie after the other: cheap, so that a busy machine answers
// all of them.
func lookups() func() load.Request {
	i := int64(0)
	return func() load.Request {
		i = (i + 1) % movies
		return load.Request{Path: "/v1/movies/" + strconv.FormatInt(generate.FirstID+i, 10), Class: "lookup"}
	}
}

// replica is an api process.
type replica struct {
	t                       *testing.T
	binary, address, engine string
	process                 *exec.Cmd
}

func (r *replica) start() {
	r.t.Helper()
	r.process = exec.Command(r.binary, "--http-addr", r.address, "--search-url", r.engine, "--rate-limit", "off",
		"--drain-delay", "2s", "--trusted-proxies", "127.0.0.0/8", "--log-level", "error")
	r.process.Stderr = os.Stderr
	r.process.Env = []string{}
	if err := r.process.Start(); err != nil {
		r.t.Fatal(err)
	}
	process := r.process
	r.t.Cleanup(func() { _ = process.Process.Kill() })
	waitUntil(r.t, "the replica is ready", func() bool { return status("http://"+r.address+"/readyz") == http.StatusOK })
}

// stop ends the process as an orchestrator does; it must end by itself, cleanly.
func (r *replica) stop() {
	r.t.Helper()
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if err := r.process.Wait(); err != nil {
		r.t.Errorf("the replica ended with: %v", err)
	}
}

// requests is how many reads the replica has answered.
func (r *replica) requests() int64 {
	response, err := http.Get("http://" + r.address + "/metrics")
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	return countReads(response.Body)
}

func startBalancer(t *testing.T, replicas []*replica) string {
	t.Helper()
	address := freeAddress(t)
	haproxy := exec.Command("haproxy", "-db", "-f", "haproxy.cfg")
	haproxy.Env = []string{"BIND=" + address}
	for i, r := range replicas {
		haproxy.Env = append(haproxy.Env, fmt.Sprintf("API_%d=%s", i+1, r.address))
	}
	haproxy.Stderr = os.Stderr
	if err := haproxy.Start(); err != nil {
		t.Fatalf("%v: apt-get install haproxy", err)
	}
	t.Cleanup(func() { _ = haproxy.Process.Kill(); _ = haproxy.Wait() })
	return address
}

// engineWithMovies is the address of an engine whose alias movies is an index of
// the test's own: a proxy that puts the test's prefix before it.
func engineWithMovies(t *testing.T) string {
	t.Helper()
	address, prefix := stacktest.OpenSearch(t)
	client, err := opensearch.New(config.Search{URLs: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	body, err := mappings.Index(mappings.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	index := prefix + "movies"
	if err := client.CreateIndex(t.Context(), index, body, opensearch.Facts{CreatedBy: t.Name()}); err != nil {
		t.Fatal(err)
	}
	var bulk opensearch.Bulk
	generator := generate.New(seed)
	for i := range int64(movies) {
		m := generator.Movie(i)
		if err := bulk.Index(m.ID, movie.Version(i+1), mappings.Project(m)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range client.Bulk(t.Context(), index, &bulk) {
		if r.Outcome != opensearch.Done {
			t.Fatal(r.Reason)
		}
	}
	if err := client.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if strings.HasPrefix(r.Out.URL.Path, "/movies/") {
			r.Out.URL.Path = "/" + prefix + strings.TrimPrefix(r.Out.URL.Path, "/")
		}
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func status(address string) int {
	response, err := http.Get(address)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func waitUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// countReads adds up the requests of the catalogue's routes in a /metrics page.
func countReads(page io.Reader) (sum int64) {
	for lines := bufio.NewScanner(page); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if strings.HasPrefix(name, `api_request_duration_seconds_count{`) && strings.Contains(name, `route="/v1/`) {
			n, _ := strconv.ParseFloat(value, 64)
			sum += int64(n)
		}
	}
	return sum
}
