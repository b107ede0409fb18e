package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"movies/api"
	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/sample"
	"movies/internal/stack/stacktest"
	"movies/internal/telemetry"
	"movies/mappings"
	"movies/search"
	"movies/search/opensearch"
)

// service is the API over HTTP, in front of an index of the test's own on the
// real engine.
type service struct {
	t      testing.TB
	url    string
	client *opensearch.Client
	engine string // its address
	index  string
	clock  movie.Version
	logs   *logBuffer
}

// newService serves the movies; change may alter the server's options.
func newService(t testing.TB, movies []movie.Movie, change ...func(*api.Options)) *service {
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
	s := &service{t: t, client: client, engine: address, index: prefix + "movies"}
	if err := client.CreateIndex(t.Context(), s.index, body, opensearch.Facts{CreatedBy: t.Name()}); err != nil {
		t.Fatal(err)
	}
	s.put(movies...)
	options := func(o *api.Options) { o.Ready = map[string]telemetry.Check{"search": client.Ping} }
	s.url, s.logs = serve(t, opensearch.NewSearcher(client, s.index, 20*time.Second), append([]func(*api.Options){options}, change...)...)
	return s
}

// serve serves a searcher on a port of its own. Time bounds are wide: the
// machine that runs the tests may be busy.
func serve(t testing.TB, searcher search.Searcher, change ...func(*api.Options)) (string, *logBuffer) {
	t.Helper()
	logs := new(logBuffer)
	o := api.Options{
		Searcher: searcher, Log: slog.New(slog.NewJSONHandler(logs, nil)), Metrics: telemetry.NewRegistry(), ReadTimeout: 20 * time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	handler, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL, logs
}

// put writes movies and makes them searchable.
func (s *service) put(movies ...movie.Movie) {
	s.t.Helper()
	var b opensearch.Bulk
	for _, m := range movies {
		s.clock++
		if err := b.Index(m.ID, s.clock, mappings.Project(m)); err != nil {
			s.t.Fatal(err)
		}
	}
	if b.Len() == 0 {
		return
	}
	for _, r := range s.client.Bulk(context.Background(), s.index, &b) {
		if r.Outcome != opensearch.Done {
			s.t.Fatal(r.Reason)
		}
	}
	if err := s.client.Refresh(context.Background(), s.index); err != nil {
		s.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; headers are "Name: value".
func ask(t testing.TB, method, url string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := plainClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: body}
}

// plainClient shows what was sent: it neither decompresses nor follows.
var plainClient = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (s *service) get(path string, headers ...string) answer {
	s.t.Helper()
	return ask(s.t, http.MethodGet, s.url+path, headers...)
}

// page is a list of movies as JSON.
type page struct {
	Items []struct {
		movie.Movie
		Score     *float64            `json:"score"`
		Highlight map[string][]string `json:"highlight"`
	} `json:"items"`
	Total struct {
		Value    int64
		Relation string
	}
	Facets map[string][]struct {
		Value string
		Count int64
	}
	NextCursor string `json:"next_cursor"`
	TookMS     *int64 `json:"took_ms"`
}

func (p page) ids() []int64 {
	ids := []int64{}
	for _, i := range p.Items {
		ids = append(ids, i.ID)
	}
	return ids
}

// list asks for a page, which must succeed.
func (s *service) list(path string) page {
	s.t.Helper()
	a := s.get(path)
	if a.status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s\n%s", path, a.status, a.body, s.logs)
	}
	return decode[page](s.t, a)
}

func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// problem is an error answer.
type problem struct {
	Type, Title, Detail string
	Status              int
	RequestID           string `json:"request_id"`
	Errors              []movie.FieldProblem
}

// mustFail checks that an answer is a well-formed problem of that status.
func (a answer) mustFail(t testing.TB, status int) problem {
	t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d, %q, %q, want a problem of status %d: %s", a.status, a.header.Get("Content-Type"), a.header.Get("Cache-Control"), status, a.body)
	}
	p := decode[problem](t, a)
	if p.Status != status || p.Type == "" || p.Title == "" || p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
		t.Errorf("got %+v, want every part of a problem document", p)
	}
	return p
}

// films is a small catalogue with everything in it that the routes tell apart.
func films() []movie.Movie {
	weaver, scott, cameron := movie.Credit{ID: 8, Name: "Sigourney Weaver", Role: movie.RoleCast}, movie.Credit{ID: 7, Name: "Ridley Scott", Role: movie.RoleDirector}, movie.Credit{ID: 9, Name: "James Cameron", Role: movie.RoleDirector}
	return []movie.Movie{
		{ID: 1, Title: "Alien", Year: 1979, IMDbID: "tt0078748", Runtime: 117, Genres: []string{"Horror", "Science Fiction"}, Languages: []string{"English"}, Countries: []string{"United Kingdom", "United States"}, Keywords: []string{"spaceship"}, Overview: "A crew meets a <creature> & dies.", Directors: []string{"Ridley Scott"}, Cast: []string{"Sigourney Weaver"}, People: []movie.Credit{scott, weaver}, Rating: 8.5, Votes: 900, Popularity: 50, Revision: 1},
		{ID: 2, Title: "Aliens", Year: 1986, Runtime: 137, Genres: []string{"Action", "Science Fiction"}, Languages: []string{"English"}, Countries: []string{"United States"}, Keywords: []string{"spaceship"}, Directors: []string{"James Cameron"}, Cast: []string{"Sigourney Weaver"}, People: []movie.Credit{cameron, weaver}, Rating: 8.4, Votes: 800, Popularity: 45, Revision: 1},
		{ID: 3, Title: "Amélie", OriginalTitle: "Le Fabuleux Destin d'Amélie Poulain", Year: 2001, Genres: []string{"Comedy", "Romance"}, Languages: []string{"French"}, Countries: []string{"France"}, Rating: 8.3, Votes: 700, Popularity: 40, Revision: 1},
		{ID: 4, Title: "Seven Samurai", OriginalTitle: "七人の侍", Akas: []string{"Shichinin no samurai"}, Year: 1954, Runtime: 207, Genres: []string{"Drama"}, Languages: []string{"Japanese"}, Countries: []string{"Japan"}, Rating: 8.6, Votes: 400, Popularity: 20, Revision: 1},
		{ID: 5, Title: "A Blue Film", Adult: true, Popularity: 99, Revision: 1},
		{ID: 6, Title: "Unknown", Revision: 1},
	}
}

// wholeSample is the project's own sample catalogue, with ids for its people.
func wholeSample(t testing.TB) []movie.Movie {
	t.Helper()
	r, err := sample.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var movies []movie.Movie
	people := map[string]int64{}
	credit := func(name string, role movie.Role) movie.Credit {
		if people[name] == 0 {
			people[name] = int64(len(people) + 1)
		}
		return movie.Credit{ID: people[name], Name: name, Role: role}
	}
	for d := json.NewDecoder(r); d.More(); {
		var m movie.Movie
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		for _, name := range m.Directors {
			m.People = append(m.People, credit(name, movie.RoleDirector))
		}
		for _, name := range m.Cast {
			m.People = append(m.People, credit(name, movie.RoleCast))
		}
		m.Revision = 1
		movies = append(movies, m)
	}
	return movies
}

// logBuffer collects log lines from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything logged so far.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// eventually waits for a condition, a few seconds at most.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}
