package api_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"movies/api"
	"movies/internal/auth/access"
	"movies/internal/auth/demoprovider"
	"movies/internal/movie"
	"movies/internal/postgres"
	"movies/internal/stack/stacktest"
)

// signedInService is the API with the catalogue's real database and the demo's
// OpenID provider; it has no search engine.
type signedInService struct {
	t            testing.TB
	url          string
	catalog      *postgres.Catalog
	provider     *demoprovider.Provider
	user, editor string // bearer tokens
	accounts     func(*api.Options)
}

func newSignedInService(t testing.TB, change ...func(*api.Options)) *signedInService {
	t.Helper()
	database := stacktest.PostgresMigrated(t, "catalog", func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url)
		return err
	})
	return newSignedInServiceAt(t, database, change...)
}

func newSignedInServiceAt(t testing.TB, database string, change ...func(*api.Options)) *signedInService {
	t.Helper()
	s := &signedInService{t: t}
	var err error
	if s.catalog, err = postgres.Connect(database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.catalog.Close)
	authenticator := s.startProvider()
	s.accounts = func(o *api.Options) {
		o.Accounts = api.Accounts{Authenticator: authenticator, Editor: s.catalog, Watchlists: s.catalog, Ratings: s.catalog, Origins: []string{"https://app.test"}}
	}
	s.url, _ = serve(t, nil, append([]func(*api.Options){s.accounts}, change...)...)
	return s
}

// startProvider starts a provider and what verifies its tokens.
func (s *signedInService) startProvider() *access.Authenticator {
	s.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s.t.Cleanup(server.Close)
	issuer := "http://" + server.Listener.Addr().String()
	var err error
	s.provider, err = demoprovider.New(demoprovider.Options{Issuer: issuer, ClientID: "movies", ClientSecret: "x", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	server.Config.Handler = s.provider
	server.Start()
	log := slog.New(slog.DiscardHandler)
	a := access.New(access.Options{PublicURL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Log: log,
		Provider: access.NewProvider(access.ProviderOptions{Issuer: issuer, Audience: "movies", Algorithm: "RS256", RolesClaim: "roles", Log: log})})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	s.t.Cleanup(func() { cancel(); running.Wait() })
	s.user, s.editor = s.token("demo-user"), s.token("demo-editor")
	return a
}

func (s *signedInService) token(subject string) string {
	s.t.Helper()
	raw, err := s.provider.Token(subject, time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// send sends a JSON body as somebody; headers are "Name: value".
func (s *signedInService) send(token, method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := plainClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: b}
}

// create stores a movie as the editor and returns it.
func (s *signedInService) create(body string) movie.Movie {
	s.t.Helper()
	a := s.send(s.editor, http.MethodPost, "/v1/movies", body)
	if a.status != http.StatusCreated {
		s.t.Fatalf("create %s: %d %s", body, a.status, a.body)
	}
	return s.decode(a)
}

func (s *signedInService) decode(a answer) movie.Movie {
	s.t.Helper()
	var m movie.Movie
	if err := json.Unmarshal(a.body, &m); err != nil {
		s.t.Fatalf("%v in %s", err, a.body)
	}
	return m
}
