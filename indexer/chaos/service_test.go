//go:build chaos

package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	stackpom "movies/deploy/stack"
	"movies/internal/stack"
	"movies/internal/stack/supervisor"
)

// service is a stack with the service's processes, which reach Postgres and
// OpenSearch by way of proxies.
type service struct {
	*stack.Stack
	t                *testing.T
	dir, bin         string
	database, search *toxiproxy.Proxy
	env              []string
}

// boot brings everything up and fills the first index.
func boot(t *testing.T) *service {
	t.Helper()
	folder, err := filepath.Abs(*dir)
	check(t, err)
	s := &service{t: t, dir: folder, bin: filepath.Join(folder, "bin")}
	s.Stack, err = stack.Open(stack.Options{Dir: folder, POM: stackpom.POM, SearchHeap: 512, Ephemeral: true, Report: func(line string) { fmt.Println(line) }})
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	s.build()
	check(t, s.Boot(t.Context()))
	s.proxies()
	if _, err := s.command("catalog", "migrate"); err != nil {
		t.Fatal(err)
	}
	s.load()
	for _, name := range []string{"relay", "indexer-1", "indexer-2"} {
		s.start(name)
	}
	s.index()
	return s
}

func (s *service) build() {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "go", "build", "-o", s.bin+string(filepath.Separator),
		"movies/cmd/catalog", "movies/cmd/indexer", "movies/cmd/reindex", "movies/cmd/relay")
	if output, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("build: %v\n%s", err, output)
	}
}

// index makes the first index, as soon as the relay has its slot.
func (s *service) index() {
	s.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; wait(time.Second) {
		output, err := s.command("reindex", "run")
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("reindex run: %v\n%s", err, output)
		}
	}
}

// proxies puts a proxy before Postgres and one before OpenSearch.
func (s *service) proxies() {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	through := func(name, target string) (*toxiproxy.Proxy, string) {
		u, err := url.Parse(target)
		check(s.t, err)
		proxy := toxiproxy.NewProxy(server, name, "127.0.0.1:0", u.Host)
		check(s.t, proxy.Start())
		s.t.Cleanup(proxy.Stop)
		u.Host = proxy.Listen
		return proxy, u.String()
	}
	var database, search string
	s.database, database = through("postgres", s.DatabaseURL)
	s.search, search = through("opensearch", s.SearchURL)
	s.env = append(s.Env(), "DATABASE_URL="+database, "SEARCH_URL="+search, "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
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

// command runs a command of the service to its end and gives what it prints.
func (s *service) command(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Env = s.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %v: %w: %s", name, args, err, stderr.String())
	}
	return stdout.Bytes(), err
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}
