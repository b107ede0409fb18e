//go:build bench

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/generate"
	"movies/internal/stack/stacktest"
)

// stage is the servers and processes of a run.
type stage struct {
	settings
	t        *testing.T
	bin      string
	env      []string // of every process
	catalog  *pgxpool.Pool
	database *counter // before the api's Postgres
	auth     *counter // before the api's auth, which nobody runs
	atRest   float64  // requests a second of the api to Postgres without visitors
	api      string
	service  []*exec.Cmd

	reference    *pgxpool.Pool
	referenceURL string
	random       *rand.Rand
}

func newStage(t *testing.T, o settings) *stage {
	t.Helper()
	_, _ = stacktest.OpenSearch(t) // ends the test when there are no servers
	s := &stage{settings: o, t: t, bin: t.TempDir(), random: rand.New(rand.NewPCG(1, 1))}
	s.run("go", "build", "-o", s.bin+"/", "movies/cmd/api", "movies/cmd/catalog", "movies/cmd/indexer", "movies/cmd/relay", "movies/cmd/reindex",
		"movies/deploy/bench/reference/postgres")
	for _, name := range []string{"DATABASE_URL", "KAFKA_BROKERS", "SEARCH_URL", "REDIS_URL"} {
		s.env = append(s.env, name+"="+os.Getenv("TEST_"+name))
	}
	s.env = append(s.env, "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"), "LOG_LEVEL=error", "PYTHONDONTWRITEBYTECODE=1")
	return s
}

// bootService fills the catalogue, builds the index and starts what serves it.
func (s *stage) bootService() {
	s.t.Helper()
	begin := time.Now()
	s.run("catalog", "migrate")
	s.run("catalog", "generate", "--movies", fmt.Sprint(s.movies), "--seed", fmt.Sprint(s.seed))
	fmt.Printf("generated %d movies into Postgres in %.0f s\n", s.movies, time.Since(begin).Seconds())
	s.start("relay", "METRICS_ADDR="+freeAddress(s.t))
	s.start("indexer", "METRICS_ADDR="+freeAddress(s.t))
	begin = time.Now()
	s.until("the first index is built", 10*time.Minute, func() error { // as soon as the relay has its slot
		cmd := s.command("reindex", "run")
		output, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})
	fmt.Printf("built the index in %.0f s\n", time.Since(begin).Seconds())
	database, err := url.Parse(os.Getenv("TEST_DATABASE_URL"))
	check(s.t, err)
	s.catalog, err = pgxpool.New(s.t.Context(), database.String())
	check(s.t, err)
	s.t.Cleanup(s.catalog.Close)
	s.database, s.auth = newCounter(s.t, database.Host), newCounter(s.t, freeAddress(s.t))
	database.Host = s.database.address
	s.api = freeAddress(s.t)
	s.start("api", "HTTP_ADDR="+s.api, "DATABASE_URL="+database.String(), "AUTH_URL=http://"+s.auth.address, "PUBLIC_URL=http://"+s.api, "RATE_LIMIT=off")
	s.untilReady(s.api)
	before := s.database.requests.Load()
	<-time.After(5 * time.Second)
	s.atRest = float64(s.database.requests.Load()-before) / 5
}

// stopService ends the service's processes, and removes the index, so that the
// references have the machine for themselves.
func (s *stage) stopService() {
	s.t.Helper()
	for _, cmd := range s.service {
		stop(cmd)
	}
	s.service = nil
	request, err := http.NewRequest(http.MethodDelete, os.Getenv("TEST_SEARCH_URL")+"/movies-*", nil)
	check(s.t, err)
	response, err := http.DefaultClient.Do(request)
	check(s.t, err)
	_ = response.Body.Close()
}

// updateCatalogue changes a movie, as somebody rates it.
func (s *stage) updateCatalogue(ctx context.Context) error {
	_, err := s.catalog.Exec(ctx, `UPDATE movies SET votes = votes + 1 WHERE id = $1`, generate.FirstID+s.random.Int64N(s.movies))
	return err
}

func (s *stage) command(name string, args ...string) *exec.Cmd {
	path := filepath.Join(s.bin, name)
	if name == "go" || strings.Contains(name, "/") {
		path = name
	}
	cmd := exec.Command(path, args...)
	cmd.Env = s.env
	if name == "go" {
		cmd.Env = os.Environ()
	}
	return cmd
}

// run runs a command to its end.
func (s *stage) run(name string, args ...string) {
	s.t.Helper()
	if output, err := s.command(name, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
}

// start starts a process of the service, which ends with the test.
func (s *stage) start(name string, env ...string) {
	s.t.Helper()
	s.service = append(s.service, s.launch(s.command(name), env...))
}

func (s *stage) launch(cmd *exec.Cmd, env ...string) *exec.Cmd {
	s.t.Helper()
	cmd.Env = append(cmd.Env, env...) // the last one of a name counts
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	check(s.t, cmd.Start())
	s.t.Cleanup(func() { stop(cmd) })
	return cmd
}

// stop ends a process, if it has not ended.
func stop(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait()
}

func (s *stage) untilReady(address string) {
	s.t.Helper()
	s.until(address+" is ready", time.Minute, func() error {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", response.Status)
		}
		return nil
	})
}

func (s *stage) until(what string, bound time.Duration, condition func() error) {
	s.t.Helper()
	for deadline := time.Now().Add(bound); ; <-time.After(200 * time.Millisecond) {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("still not so: %s: %v", what, err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
