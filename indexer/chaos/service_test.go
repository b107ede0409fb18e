//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	stackpom "movies/deploy/stack"
	"movies/internal/mutant"
	"movies/internal/stack"
	"movies/internal/stack/supervisor"
)

// service is a stack with the service's processes, which reach the servers by way
// of proxies.
type service struct {
	*stack.Stack
	t                        *testing.T
	dir, bin                 string
	database, search, broker *toxiproxy.Proxy
	engine                   *engine
	operator                 *operator
	env                      []string
	thawing                  sync.WaitGroup // of processes that are frozen
}

// boot brings everything up, with a fault built into the service or none, and
// fills the first index.
func boot(t *testing.T, defect mutant.Fault) *service {
	t.Helper()
	folder, err := filepath.Abs(*dir)
	check(t, err)
	s := &service{t: t, dir: folder, bin: filepath.Join(folder, "bin")}
	s.operator = &operator{service: s}
	brokerProxy := freeAddress(t)
	s.Stack, err = stack.Open(stack.Options{Dir: folder, POM: stackpom.POM, SearchHeap: 512, Ephemeral: true, AdvertisedKafka: brokerProxy,
		Report: func(line string) { fmt.Println(line) }})
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s.build(defect)
	check(t, s.Boot(t.Context()))
	s.proxies(brokerProxy)
	if _, err := s.command("catalog", "migrate"); err != nil {
		t.Fatal(err)
	}
	s.load()
	for _, name := range []string{"relay-1", "relay-2", "indexer-1", "indexer-2"} {
		s.start(name)
	}
	s.eventually("the first index is made", 2*time.Minute, func() error { // as soon as the relay has its slot
		_, err := s.command("reindex", "run")
		return err
	})
	return s
}

func (s *service) build(defect mutant.Fault) {
	s.t.Helper()
	args := []string{"build", "-o", s.bin + string(filepath.Separator)}
	if defect != "" {
		args = append(args, "-tags", "mutants", "-ldflags", "-X 'movies/internal/mutant.present="+string(defect)+"'")
	}
	cmd := exec.CommandContext(s.t.Context(), "go", append(args, "movies/cmd/catalog", "movies/cmd/indexer", "movies/cmd/reindex", "movies/cmd/relay")...)
	if output, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("build: %v\n%s", err, output)
	}
}

// proxies puts a proxy before each server, and before OpenSearch one more that
// knows what a bulk request is. Kafka tells its clients the address of its own.
func (s *service) proxies(broker string) {
	s.engine = newEngine(s.t, s.SearchURL)
	inner := httptest.NewServer(s.engine)
	s.t.Cleanup(inner.Close)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	through := func(name, listen, target string) *toxiproxy.Proxy {
		proxy := toxiproxy.NewProxy(server, name, listen, target)
		check(s.t, proxy.Start())
		s.t.Cleanup(proxy.Stop)
		return proxy
	}
	database, err := url.Parse(s.DatabaseURL)
	check(s.t, err)
	s.database = through("postgres", "127.0.0.1:0", database.Host)
	s.search = through("opensearch", "127.0.0.1:0", strings.TrimPrefix(inner.URL, "http://"))
	s.broker = through("kafka", broker, s.KafkaBrokers)
	database.Host = s.database.Listen
	s.env = append(s.Env(), "DATABASE_URL="+database.String(), "SEARCH_URL=http://"+s.search.Listen, "KAFKA_BROKERS="+s.broker.Listen,
		"PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
}

// freeAddress is an address of the loopback on which nobody listens.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start starts a process of the service; its command is the name's first word.
func (s *service) start(name string) {
	s.t.Helper()
	port, err := s.Port(name)
	check(s.t, err)
	command, _, _ := strings.Cut(name, "-")
	address := "127.0.0.1:" + strconv.Itoa(port)
	check(s.t, s.Start(s.t.Context(), supervisor.Process{
		Name: name, Path: filepath.Join(s.bin, command), Env: append(slices.Clip(s.env), "METRICS_ADDR="+address),
		Ready: func(ctx context.Context) error { return get(ctx, "http://"+address+"/healthz") },
	}))
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
