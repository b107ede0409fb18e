package auth_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"movies/internal/auth/demoprovider"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
	"movies/mappings"
	"movies/search/opensearch"
)

// TestProcesses runs the real commands, api in front of auth, over TLS and with
// all that they can log, and takes away one dependency after the other.
func TestProcesses(t *testing.T) {
	t.Parallel()
	search := newEngine(t)
	catalogURL := stacktest.PostgresMigrated(t, "catalog", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url)
		return err
	})
	sessionsDB := newTunnel(t, stacktest.Postgres(t))
	catalogDB := newTunnel(t, catalogURL)
	bin := build(t, "auth", "api")
	apiAddr, authAddr := freeAddr(t), freeAddr(t)
	public := "https://" + apiAddr
	certificates := httptest.NewTLSServer(nil) // has a certificate, and clients that trust it
	t.Cleanup(certificates.Close)
	certFile, keyFile := keyPairOf(t, certificates)
	status := func(url string) int { return status(certificates.Client(), url) }

	back := httptest.NewUnstartedServer(nil)
	t.Cleanup(back.Close)
	issuer := "http://" + back.Listener.Addr().String()
	provider, err := demoprovider.New(demoprovider.Options{Issuer: issuer, ClientID: "movies", ClientSecret: "s", Log: slog.New(slog.DiscardHandler),
		RedirectURIs: []string{public + "/auth/callback"}, PostLogoutURIs: []string{public + "/"}})
	if err != nil {
		t.Fatal(err)
	}
	providerUp := &gate{next: provider, down: true}
	back.Config.Handler = providerUp
	back.Start()

	brokers, prefix := newTopics(t)
	env := []string{"KAFKA_BROKERS=" + brokers, "KAFKA_TOPIC_PREFIX=" + prefix, "OIDC_ISSUER=" + issuer, "OIDC_CLIENT_ID=movies", "OIDC_CLIENT_SECRET=s", "PUBLIC_URL=" + public, "AUTH_URL=http://" + authAddr,
		"DATABASE_URL=" + catalogDB.url, "AUTH_DATABASE_URL=" + sessionsDB.url, "SEARCH_URL=" + search, "LOG_LEVEL=debug"}
	auth := start(t, filepath.Join(bin, "auth"), append(env, "HTTP_ADDR="+authAddr)...)
	api := start(t, filepath.Join(bin, "api"), append(env, "HTTP_ADDR="+apiAddr, "RATE_LIMIT=off", "TLS_CERT_FILE="+certFile, "TLS_KEY_FILE="+keyFile)...)
	b := (&world{url: public, tls: certificates}).newBrowser(t)
	await(t, "the api serves", func() bool { return status(public+"/healthz") == http.StatusOK })
	await(t, "auth is ready without the provider", func() bool { return status("http://"+authAddr+"/readyz") == http.StatusOK })
	if r := b.do(http.MethodGet, "/auth/login", "Accept", "text/html"); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text(r), "not possible right now") {
		t.Fatalf("sign-in without the provider: %s %s", r.Status, text(r))
	}
	providerUp.set(false)
	await(t, "sign-in works", func() bool { return b.do(http.MethodGet, "/auth/login").StatusCode == http.StatusOK })
	b.signIn("/", "demo-editor", "editor")
	if all := b.cookies(); all["__Host-session"] == "" || all["__Host-access"] == "" {
		t.Errorf("cookies over TLS: %v", all)
	}

	write := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, public+"/v1/movies", strings.NewReader(`{"title":"written"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return b.send(r).StatusCode
	}
	refresh := func() int { return b.do(http.MethodPost, "/auth/refresh").StatusCode }
	writes := func(when string) {
		t.Helper()
		if got := write(); got != http.StatusCreated {
			t.Errorf("%s: a write with the access token: status %d", when, got)
		}
		if got := status(public + "/v1/movies?q=solaris"); got != http.StatusOK {
			t.Errorf("%s: an anonymous search: status %d", when, got)
		}
	}
	writes("all up")
	if list := b.sessions(); len(list.Items) != 1 || !list.Items[0].Current {
		t.Errorf("sessions through the api: %+v", list)
	}

	// A session that ends takes its access token with it; an api that cannot reach
	// Kafka serves all the same, and that token until it expires.
	deafAddr := freeAddr(t)
	start(t, filepath.Join(bin, "api"), append(env, "HTTP_ADDR="+deafAddr, "TRUSTED_PROXIES=127.0.0.1/32", "KAFKA_BROKERS="+freeAddr(t))...)
	await(t, "an api without Kafka serves", func() bool { return status("http://"+deafAddr+"/v1/movies?q=solaris") == http.StatusOK })
	leaver := (&world{url: public, tls: certificates}).newBrowser(t)
	leaver.signIn("/", "demo-user", "user")
	stolen := leaver.cookies()["__Host-access"]
	read := func(origin string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/v1/me/watchlist", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "__Host-access="+stolen)
		answer, err := certificates.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if got := read(public); got != http.StatusOK {
		t.Errorf("before signing out: status %d", got)
	}
	leaver.do(http.MethodPost, "/auth/logout", "Accept", "application/json")
	signedOut := time.Now()
	await(t, "the token of a session that ended is refused", func() bool { return read(public) == http.StatusUnauthorized })
	t.Logf("refused %v after signing out", time.Since(signedOut))
	if got := read("http://" + deafAddr); got != http.StatusOK {
		t.Errorf("without Kafka: status %d", got)
	}

	auth.kill()
	writes("auth killed")
	if r := b.do(http.MethodGet, "/auth/login", "Accept", "text/html"); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text(r), "<h1>") {
		t.Errorf("auth killed: sign-in: %s %s", r.Status, text(r))
	}
	again := start(t, filepath.Join(bin, "auth"), append(env, "HTTP_ADDR="+authAddr)...)
	await(t, "the session outlives auth", func() bool { return refresh() == http.StatusOK })

	sessionsDB.set(true)
	writes("auth's database down")
	if got := refresh(); got != http.StatusServiceUnavailable {
		t.Errorf("auth's database down: refresh: status %d", got)
	}
	if got := b.do(http.MethodGet, "/auth/login").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("auth's database down: sign-in: status %d", got)
	}
	sessionsDB.set(false)
	await(t, "refresh after auth's database came back", func() bool { return refresh() == http.StatusOK })

	providerUp.set(true)
	writes("provider down")
	if got := refresh(); got != http.StatusOK {
		t.Errorf("provider down: refresh: status %d", got)
	}
	catalogDB.set(true)
	if got := write(); got != http.StatusServiceUnavailable {
		t.Errorf("catalogue's database down: a write: status %d", got)
	}
	if got := status(public + "/v1/movies?q=solaris"); got != http.StatusOK {
		t.Errorf("catalogue's database down: an anonymous search: status %d", got)
	}
	catalogDB.set(false)
	await(t, "writes after the catalogue's database came back", func() bool { return write() == http.StatusCreated })

	logs := ""
	for _, p := range []*process{auth, api, again} {
		p.kill()
		logs += p.out.String()
	}
	if len(b.secrets) < 10 || !strings.Contains(logs, `"path":"/auth/callback"`) {
		t.Fatalf("the test saw %d secrets and these logs:\n%s", len(b.secrets), logs)
	}
	for _, secret := range b.secrets {
		if strings.Contains(logs, secret) {
			t.Errorf("a log shows %q", secret)
		}
	}
}

// newTopics are topics of the test's own on the real Kafka.
func newTopics(t *testing.T) (brokers, prefix string) {
	t.Helper()
	brokers, prefix = stacktest.Kafka(t)
	c, err := kafka.NewClient(config.Kafka{Brokers: []string{brokers}, TopicPrefix: prefix}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.EnsureTopics(t.Context(), kafka.TopicSettings{Partitions: 1, ReplicationFactor: 1, MinInSyncReplicas: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.DeleteTopics(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	return brokers, prefix
}

// keyPairOf writes a test server's certificate and key into files.
func keyPairOf(t *testing.T, server *httptest.Server) (certFile, keyFile string) {
	t.Helper()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for kind, content := range map[string][]byte{"CERTIFICATE": pair.Certificate[0], "PRIVATE KEY": key} {
		if err := os.WriteFile(filepath.Join(dir, kind), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "CERTIFICATE"), filepath.Join(dir, "PRIVATE KEY")
}

// newEngine is the address of the real search engine, where the alias of the
// catalogue is an index of the test's own.
func newEngine(t *testing.T) string {
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
	if err := client.CreateIndex(t.Context(), prefix+"movies", body, opensearch.Facts{CreatedBy: t.Name()}); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if rest, ok := strings.CutPrefix(r.Out.URL.Path, "/"+opensearch.ReadAlias); ok {
			r.Out.URL.Path = "/" + prefix + "movies" + rest
		}
	}})
	t.Cleanup(server.Close)
	return server.URL
}

// build compiles commands into a folder.
func build(t *testing.T, commands ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range commands {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "movies/cmd/"+name).CombinedOutput()
		if err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	return dir
}

// process is a running command.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  bytes.Buffer
	once sync.Once
}

func start(t *testing.T, path string, env ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(path)}
	p.cmd.Env = slices.Concat(env, []string{"PATH=" + os.Getenv("PATH")})
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), p.out.String())
		}
	})
	return p
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
}

// tunnel is a way to a server that can be cut.
type tunnel struct {
	url    string
	target string
	mu     sync.Mutex
	down   bool
	open   map[net.Conn]bool
}

// newTunnel leads to the server of a URL; the tunnel's url is the same elsewhere.
func newTunnel(t *testing.T, target string) *tunnel {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	x := &tunnel{target: u.Host, open: map[net.Conn]bool{}}
	u.Host = listener.Addr().String()
	x.url = u.String()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go x.carry(in)
		}
	}()
	return x
}

func (x *tunnel) carry(in net.Conn) {
	defer func() { _ = in.Close() }()
	out, err := net.Dial("tcp", x.target)
	if err != nil {
		return
	}
	defer func() { _ = out.Close() }()
	x.mu.Lock()
	down := x.down
	x.open[in], x.open[out] = true, true
	x.mu.Unlock()
	if down {
		return
	}
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
}

// set cuts the tunnel and what goes through it, or opens it again.
func (x *tunnel) set(down bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down = down
	for c := range x.open {
		_ = c.Close()
	}
	clear(x.open)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func status(client *http.Client, url string) int {
	r, err := client.Get(url)
	if err != nil {
		return 0
	}
	_ = r.Body.Close()
	return r.StatusCode
}
