package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"movies/internal/auth"
	"movies/internal/auth/access"
	"movies/internal/auth/demoprovider"
	"movies/internal/postgres/accounts"
	"movies/internal/stack/stacktest"
	"movies/internal/telemetry"
)

// world is an auth service on a real database, with a provider.
type world struct {
	url, issuer string
	rolesClaim  string
	provider    *demoprovider.Provider // nil where the provider is another one
	service     *auth.Service
	store       *accounts.Store
	clock       *clock
	logs        *logBuffer
	tls         *httptest.Server // to make clients that trust it; nil on plain http
	providerUp  *gate
}

// clock is what the service takes for now.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// logBuffer collects everything that is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// gate is a server that can be down: then connections end without an answer.
type gate struct {
	mu   sync.Mutex
	down bool
	next http.Handler
}

func (g *gate) set(down bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = down
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	down := g.down
	g.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	g.next.ServeHTTP(w, r)
}

func migrateAccounts(ctx context.Context, url string) error {
	store, err := accounts.New(url)
	if err != nil {
		return err
	}
	defer store.Close()
	return store.Migrate(ctx)
}

func newStore(t testing.TB) *accounts.Store {
	t.Helper()
	store, err := accounts.New(stacktest.PostgresMigrated(t, "accounts", migrateAccounts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

const clientSecret = "client secret of the test"

// newWorld starts the service behind plain http or TLS, with the demo's provider.
// options may change what it is made of.
func newWorld(t testing.TB, overTLS bool, options ...func(*auth.Options)) *world {
	t.Helper()
	return newWorldOf(t, overTLS, startDemoProvider, options...)
}

// startDemoProvider starts the demo's provider for a world.
func startDemoProvider(t testing.TB, w *world) {
	t.Helper()
	back := httptest.NewUnstartedServer(nil)
	t.Cleanup(back.Close)
	w.issuer, w.rolesClaim = "http://"+back.Listener.Addr().String(), "roles"
	var err error
	w.provider, err = demoprovider.New(demoprovider.Options{Issuer: w.issuer, ClientID: "movies", ClientSecret: clientSecret,
		RedirectURIs: []string{w.url + "/auth/callback"}, PostLogoutURIs: []string{w.url + "/"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.providerUp = &gate{next: w.provider}
	back.Config.Handler = w.providerUp
	back.Start()
}

// newWorldOf is newWorld with the provider that the function starts: it knows the
// world's url and sets the rest.
func newWorldOf(t testing.TB, overTLS bool, startProvider func(testing.TB, *world), options ...func(*auth.Options)) *world {
	t.Helper()
	w := &world{clock: &clock{}, logs: &logBuffer{}, store: newStore(t)}
	front := httptest.NewUnstartedServer(nil)
	t.Cleanup(front.Close)
	w.url = "http://" + front.Listener.Addr().String()
	if overTLS {
		w.url = "https" + strings.TrimPrefix(w.url, "http")
		w.tls = front
	}
	startProvider(t, w)
	log := slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	bearer := access.NewProvider(access.ProviderOptions{Issuer: w.issuer, Audience: "movies", Algorithm: "RS256", RolesClaim: w.rolesClaim, Log: log})
	public, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	o := auth.Options{PublicURL: public, Issuer: w.issuer, ClientID: "movies", ClientSecret: clientSecret, Algorithm: "RS256",
		RolesClaim: w.rolesClaim, Scopes: []string{"profile", "email"}, Store: w.store, Bearer: bearer, Log: log, Metrics: telemetry.NewRegistry(), Now: w.clock.now}
	for _, change := range options {
		change(&o)
	}
	if w.service, err = auth.New(o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.service)
	mux.Handle("/v1/", w.service)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the page at "+r.URL.RequestURI())
	})
	front.Config.Handler = mux
	if overTLS {
		front.StartTLS()
	} else {
		front.Start()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { bearer.Run(ctx) })
	running.Go(func() { w.service.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	w.waitForKeys(t)
	return w
}

func (w *world) waitForKeys(t testing.TB) {
	t.Helper()
	await(t, "there is a signing key", func() bool { return w.service.Ready()(t.Context()) == nil })
}

// browser keeps cookies and records every value that must stay secret.
type browser struct {
	*http.Client
	t       testing.TB
	base    *url.URL
	secrets []string
}

func (w *world) newBrowser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, base: base, Client: &http.Client{Jar: loopbackJar{jar}, Timeout: 30 * time.Second}}
	transport := http.DefaultTransport
	if w.tls != nil {
		transport = w.tls.Client().Transport
	}
	b.Transport = recorder{b, transport}
	return b
}

// loopbackJar takes plain http on loopback for as safe as https, as browsers do:
// Keycloak counts on it.
type loopbackJar struct{ http.CookieJar }

func (j loopbackJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(asSecure(u), cookies)
}

func (j loopbackJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(asSecure(u)) }

func asSecure(u *url.URL) *url.URL {
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// recorder notes secrets as they pass.
type recorder struct {
	b    *browser
	next http.RoundTripper
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	for _, name := range []string{"state", "code", "nonce", "id_token_hint"} {
		if v := request.URL.Query().Get(name); v != "" {
			r.b.secrets = append(r.b.secrets, v)
		}
	}
	response, err := r.next.RoundTrip(request)
	if err == nil {
		for _, c := range response.Cookies() {
			if c.Value != "" {
				r.b.secrets = append(r.b.secrets, c.Value)
			}
		}
	}
	return response, err
}

// do sends a request to the service; headers come in pairs.
func (b *browser) do(method, path string, headers ...string) *reply {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.base.String()+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return b.send(request)
}

func (b *browser) send(request *http.Request) *reply {
	b.t.Helper()
	response, err := b.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &reply{StatusCode: response.StatusCode, Status: response.Status, Header: response.Header, Request: response.Request,
		Cookies: response.Cookies(), body: body}
}

// reply is an answer that has been read to its end.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
	Request    *http.Request // the last one, after redirects
	Cookies    []*http.Cookie
	body       []byte
}

func text(r *reply) string { return string(r.body) }

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// signIn goes through the whole flow as a person would, at any provider whose
// login page is one form with username and password.
func (b *browser) signIn(returnTo, name, password string) *reply {
	b.t.Helper()
	return b.submitLogin(b.do(http.MethodGet, "/auth/login?return_to="+url.QueryEscape(returnTo)), name, password)
}

func (b *browser) submitLogin(page *reply, name, password string) *reply {
	b.t.Helper()
	body := text(page)
	action := formAction.FindStringSubmatch(body)
	if action == nil {
		b.t.Fatalf("no login form but %s: %.300s", page.Status, body)
	}
	target, err := page.Request.URL.Parse(html.UnescapeString(action[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	form := url.Values{"username": {name}, "password": {password}}
	for _, field := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(request)
}

// cookies are the browser's for the service, by name.
func (b *browser) cookies() map[string]string {
	all := map[string]string{}
	for _, c := range b.Jar.Cookies(b.base) {
		all[c.Name] = c.Value
	}
	return all
}

// setCookie puts a cookie into the browser.
func (b *browser) setCookie(name, value string) {
	b.Jar.SetCookies(b.base, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: b.base.Scheme == "https"}})
}

type me struct {
	Subject, Name, Email string
	Roles                []string
	Session              struct{ ID string }
}

// me asks who is signed in.
func (b *browser) me() (who me, status int) {
	b.t.Helper()
	response := b.do(http.MethodGet, "/auth/me")
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(response.body, &who); err != nil {
			b.t.Fatal(err)
		}
	}
	return who, response.StatusCode
}

// await waits for a condition, some seconds at most.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
