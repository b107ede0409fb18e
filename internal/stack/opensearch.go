package stack

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

func (s *Stack) startOpenSearch(ctx context.Context) error {
	part := artifact.OpenSearch3
	if s.jdk.version < preferredJDK {
		part = artifact.OpenSearch2
		s.report(fmt.Sprintf("opensearch: JDK %d runs version 2; version 3 needs JDK %d", s.jdk.version, preferredJDK))
	}
	var err error
	s.SearchURL, err = s.bootOpenSearch(ctx, part)
	return err
}

// StartOpenSearch2 starts an OpenSearch of version 2 where the stack's own would
// be, which must not have been started. ErrNoOldJDK is its error on a machine
// whose JDKs are all too new for it.
func (s *Stack) StartOpenSearch2(ctx context.Context) (err error) {
	older := *s
	if older.jdk = findOldJDK(s.account.canEnter); older.jdk.version == 0 {
		return ErrNoOldJDK
	}
	s.SearchURL, err = older.bootOpenSearch(ctx, artifact.OpenSearch2)
	return err
}

func (s *Stack) bootOpenSearch(ctx context.Context, part artifact.Part) (url string, err error) {
	programs, err := s.store.Fetch(ctx, part)
	if err != nil {
		return "", err
	}
	home := filepath.Join(s.data, "opensearch")
	config := filepath.Join(home, "config")
	for _, dir := range []string{home, config} {
		if err := s.account.mkdir(dir); err != nil {
			return "", err
		}
	}
	if err := s.account.writeFile(filepath.Join(config, "log4j2.properties"), consoleLogging); err != nil {
		return "", err
	}
	ports, err := s.serve(ctx, []string{"opensearch", "opensearch-transport"}, func(ports []int) (supervisor.Process, error) {
		settings := openSearchSettings(home, ports[0], ports[1])
		return s.openSearchProcess(part, programs, home, ports[0]), s.account.writeFile(filepath.Join(config, "opensearch.yml"), settings)
	})
	if err != nil {
		return "", err
	}
	return "http://" + loopback(ports[0]), nil
}

// openSearchSettings configures one node. Indices are made on purpose only, and
// a nearly full disk does not make them read-only.
func openSearchSettings(home string, port, transport int) string {
	return strings.Join([]string{
		"cluster.name: movies",
		"node.name: opensearch",
		"discovery.type: single-node",
		"network.host: 127.0.0.1",
		"http.port: " + strconv.Itoa(port),
		"transport.port: " + strconv.Itoa(transport),
		"path.data: " + strconv.Quote(filepath.Join(home, "data")),
		"path.logs: " + strconv.Quote(filepath.Join(home, "logs")),
		"action.auto_create_index: false",
		"cluster.max_shards_per_node: 5000",
		"cluster.routing.allocation.disk.threshold_enabled: false",
		"",
	}, "\n")
}

// openSearchProcess runs the server without its launcher, which would start
// three more JVMs first. The options are those that the launcher works out, but
// for the agent that confines plugins: here are none, and it doubles the time
// to start. The server needs to find the agent's classes all the same.
func (s *Stack) openSearchProcess(part artifact.Part, programs, home string, port int) supervisor.Process {
	heap := cmp.Or(s.options.SearchHeap, 1024)
	args := []string{
		fmt.Sprintf("-Xms%dm", heap), fmt.Sprintf("-Xmx%dm", heap), fmt.Sprintf("-XX:MaxDirectMemorySize=%dm", heap/2),
		"-Xss1m", "-XX:+UseG1GC", "-XX:G1ReservePercent=25", "-XX:InitiatingHeapOccupancyPercent=30",
		"-XX:-OmitStackTraceInFastThrow",
		"-XX:ErrorFile=" + filepath.Join(home, "hs_err_pid%p.log"),
		"-Dopensearch.networkaddress.cache.ttl=60", "-Dopensearch.networkaddress.cache.negative.ttl=10",
		"-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-Djna.nosys=true",
		"-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true",
		"-Dio.netty.recycler.maxCapacityPerThread=0", "-Dio.netty.allocator.numDirectArenas=0",
		"-Dlog4j.shutdownHookEnabled=false", "-Dlog4j2.disable.jmx=true",
		"-Djava.io.tmpdir=" + s.temp(),
		"-Dopensearch.path.home=" + programs, "-Dopensearch.path.conf=" + filepath.Join(home, "config"),
		"-Dopensearch.distribution.type=zip", "-Dopensearch.bundled_jdk=false",
	}
	if part.Profile == artifact.OpenSearch3.Profile {
		args = append(args, "-Djava.locale.providers=SPI,CLDR",
			"--add-modules=jdk.incubator.vector", "--add-opens=java.base/java.nio=ALL-UNNAMED",
			"-Xbootclasspath/a:"+agentClasses(programs),
			"-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1")
	} else {
		args = append(args, "-Djava.locale.providers=SPI,COMPAT", "-Djava.security.manager=allow",
			"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=org.opensearch.secure_sm.SecuredForkJoinWorkerThreadFactory")
	}
	args = append(args, s.classArchive("opensearch")...)
	return supervisor.Process{
		Name:         "opensearch",
		Path:         s.jdk.java(),
		Args:         append(args, "-cp", filepath.Join(programs, "lib", "*"), "org.opensearch.bootstrap.OpenSearch"),
		Env:          s.environment(),
		Dir:          programs,
		Credential:   s.account.credential,
		Ready:        func(ctx context.Context) error { return pingOpenSearch(ctx, loopback(port)) },
		ReadyTimeout: 5 * time.Minute, // on a machine with much else to do
		StopTimeout:  20 * time.Second,
	}
}

// agentClasses is the jar of what the server expects of the agent.
func agentClasses(programs string) string {
	jars, _ := filepath.Glob(filepath.Join(programs, "agent", "opensearch-agent-bootstrap-*.jar"))
	return strings.Join(jars, ":")
}

// pingOpenSearch asks whether every primary shard is there.
func pingOpenSearch(ctx context.Context, address string) error {
	return answers(ctx, "http://"+address+"/_cluster/health?wait_for_status=yellow&timeout=1s")
}

// answers asks for a page, which must be there.
func answers(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", request.URL.Path, response.Status)
	}
	return nil
}
