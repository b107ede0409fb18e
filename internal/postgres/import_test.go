package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"movies/internal/jsonl"
	"movies/internal/movie"
	"movies/internal/postgres"
)

// imported is the outcome of one import.
type imported struct {
	postgres.ImportTotals
	rejected []string // "line: reason"
	err      error
}

func importText(t testing.TB, c *postgres.Catalog, lines ...string) imported {
	t.Helper()
	path := filepath.Join(t.TempDir(), "movies.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	result := importPath(t.Context(), t, c, path, false)
	if result.err != nil {
		t.Fatal(result.err)
	}
	return result
}

func importPath(ctx context.Context, t testing.TB, c *postgres.Catalog, path string, again bool) (r imported) {
	t.Helper()
	f, err := jsonl.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r.ImportTotals, r.err = c.Import(ctx, postgres.JSONL(f), postgres.ImportOptions{
		Again:    again,
		Rejected: func(j postgres.Rejection) { r.rejected = append(r.rejected, fmt.Sprintf("%d: %v", j.Line, j.Err)) },
	})
	return r
}

func (r imported) String() string {
	return fmt.Sprintf("%d new, %d changed, %d as before, %d rejected", r.Created, r.Updated, r.Unchanged, r.Rejected)
}

// everything is all movies in the order of ids.
func everything(t testing.TB, conn *pgx.Conn) []movie.Movie {
	t.Helper()
	movies, err := postgres.Range(t.Context(), conn, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return movies
}

const alienLine = `{"id":348,"imdb_id":"tt0078748","title":"Alien","original_title":"Alien!","akas":["Obcy","Чужой"],"year":1979,"release_date":"1979-05-25",
"runtime":117,"genres":["Horror","Science Fiction"],"languages":["English"],"countries":["United Kingdom"],"keywords":["space","cat"],
"overview":"In space \u0041 crew.","directors":["Ridley Scott"],"cast":["Sigourney Weaver","Tom Skerritt","Sigourney Weaver"],
"characters":["Ripley","Dallas"],"rating":8.5,"votes":900000,"popularity":61.5,"poster_url":"https://example.org/a.jpg","adult":true,"revision":77}`

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "") }

func TestImportKeepsEveryField(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	if r := importText(t, c, oneLine(alienLine)); r.Created != 1 || r.Rejected != 0 {
		t.Fatal(r, r.rejected)
	}
	var want movie.Movie
	if err := json.Unmarshal([]byte(oneLine(alienLine)), &want); err != nil {
		t.Fatal(err)
	}
	want.Revision = 1
	got := everything(t, conn)
	if diff := cmp.Diff([]movie.Movie{want}, got, cmpopts.IgnoreFields(movie.Movie{}, "People")); diff != "" {
		t.Error(diff)
	}
	if p := got[0].People; len(p) != 4 || p[1].ID != p[3].ID || p[0].Role != movie.RoleDirector {
		t.Errorf("people: %+v", p)
	}
}

// A second import of the same lines writes no row and sends no message; one
// changed field is one revision and one message.
func TestImportWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	other := `{"id":2,"title":"Other","cast":["Tom Skerritt"]}`
	importText(t, c, oneLine(alienLine), other)
	w := newWAL(t, conn.Config().ConnString())
	state := func() string {
		return queryOne[string](t, conn, `SELECT string_agg(xmin || ' ' || revision, ',' ORDER BY id) FROM movies`)
	}
	before := state()
	if r := importText(t, c, oneLine(alienLine), other); r.Unchanged != 2 || r.Created+r.Updated != 0 {
		t.Error(r)
	}
	if sent := w.next(t); len(sent) != 0 || state() != before {
		t.Errorf("nothing changed, but %s was sent and the rows went from %s to %s", describe(sent), before, state())
	}
	revision := 1
	for _, change := range []struct{ old, new string }{
		{`"year":1979`, `"year":1980`}, {`"Obcy",`, ``}, {`"Tom Skerritt",`, ``}, {`"Ridley Scott"`, `"R. Scott"`}, {`"Horror",`, `"horror",`},
		{`["space","cat"]`, `["cat","space"]`}, {`"English"`, `"English","French"`}, {`"rating":8.5,`, ``}, {`"adult":true,`, ``}, {`"imdb_id":"tt0078748",`, ``},
		{`"Ripley"`, `"Ripley","Ash"`}, {`"release_date":"1979-05-25",`, ``},
	} {
		line := strings.Replace(oneLine(alienLine), change.old, change.new, 1)
		if line == oneLine(alienLine) {
			t.Fatalf("%s is not in the line", change.old)
		}
		for _, l := range []string{line, oneLine(alienLine)} {
			revision++
			if r := importText(t, c, l, other); r.Updated != 1 || r.Unchanged != 1 {
				t.Errorf("%s: %v", change.old, r)
			}
			if sent := w.next(t); describe(sent) != "[348]" {
				t.Errorf("%s: sent %s, want [348]", change.old, describe(sent))
			}
			if got := queryOne[int](t, conn, `SELECT revision FROM movies WHERE id = 348`); got != revision {
				t.Fatalf("%s: revision %d, want %d", change.old, got, revision)
			}
		}
	}
}

func TestImportReportsLinesAndGoesOn(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	importText(t, c, `{"id":1,"title":"First","imdb_id":"tt0000001"}`)
	r := importText(t, c,
		`{"id":2,"title":"Good"}`,
		`{"id":3,"title":"Cut off`,
		``,
		`{"id":4,"titel":"Misspelt"}`,
		`{"id":5,"title":"Year","year":"1999"}`,
		`{"id":6,"title":"","year":1}`,
		`{"id":7,"title":"Taken","imdb_id":"tt0000001"}`,
		strings.Repeat("x", jsonl.MaxLine+1),
		`{"id":8,"title":"Good too","imdb_id":"tt0000008"}`,
		`{"id":9,"title":"Taken by a line","imdb_id":"tt0000008"}`,
	)
	want := []string{
		`2: text is not JSON: it ends too early, at column 25`,
		`4: titel is not a field of a movie; the nearest is title`,
		`5: year must be an integer, not string`,
		`6: title is required; year must be from 1870 to 2100, not 1`,
		`7: imdb_id tt0000001 is already that of movie 1, "First"`,
		`8: the line is longer than 1048576 bytes`,
		`10: imdb_id tt0000008 is already that of movie 8, "Good too"`,
	}
	if diff := cmp.Diff(want, r.rejected); diff != "" {
		t.Error(diff)
	}
	if r.Created != 2 || r.Rejected != 7 || r.Lines != 10 {
		t.Error(r, r.Lines)
	}
	if n := queryOne[int](t, conn, `SELECT count(*)::int FROM movies`); n != 3 {
		t.Errorf("%d movies, want 3", n)
	}
}

func TestImportKnowsWhichMovieALineIsAbout(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	step := func(want string, lines ...string) {
		t.Helper()
		if got := importText(t, c, lines...).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", strings.Join(lines, "\n"), got, want)
		}
	}
	step("1 new, 0 changed, 0 as before, 0 rejected", `{"title":"A","year":2000,"directors":["D"]}`)
	step("0 new, 1 changed, 0 as before, 0 rejected", `{"title":"A","year":2000,"directors":["D"],"runtime":90}`)
	step("0 new, 1 changed, 0 as before, 0 rejected", `{"title":"A","year":2000,"directors":["D"],"runtime":90,"imdb_id":"tt0000001"}`)
	step("0 new, 1 changed, 0 as before, 0 rejected", `{"title":"A!","imdb_id":"tt0000001"}`)
	step("2 new, 0 changed, 0 as before, 0 rejected", `{"title":"A","year":2000,"directors":["E"]}`, `{"title":"A","year":2001,"directors":["D"]}`)
	step("1 new, 0 changed, 0 as before, 0 rejected", `{"title":"A","year":2000,"directors":["D"],"imdb_id":"tt0000002"}`)
	// Two lines about one movie take effect one after the other.
	step("1 new, 1 changed, 0 as before, 0 rejected", `{"id":500,"title":"B"}`, `{"id":500,"title":"B","year":1999}`)
	step("1 new, 1 changed, 1 as before, 0 rejected", `{"id":600,"title":"C","imdb_id":"tt0000600"}`, `{"title":"C","imdb_id":"tt0000600"}`, `{"id":600,"title":"CC","imdb_id":"tt0000600"}`)
	// An id-less line finds a movie that another line of the file is about by id.
	step("0 new, 2 changed, 0 as before, 0 rejected", `{"id":600,"title":"D","imdb_id":"tt0000600"}`, `{"title":"E","imdb_id":"tt0000600"}`)
	// New ids come behind all given ones, in the order of lines.
	step("2 new, 0 changed, 0 as before, 0 rejected", `{"title":"new"}`, `{"id":700,"title":"given"}`)
	step("2 new, 0 changed, 0 as before, 0 rejected", `{"title":"new 2"}`, `{"title":"new 3"}`)
	got := queryOne[string](t, conn, `SELECT string_agg(id || ' ' || title, ', ' ORDER BY id) FROM movies WHERE id >= 600`)
	if want := "600 E, 700 given, 701 new, 702 new 2, 703 new 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	exec(t, conn, `INSERT INTO movies (title) VALUES ('by hand')`)
	if id := queryOne[int](t, conn, `SELECT max(id) FROM movies`); id != 704 {
		t.Errorf("the next id by hand is %d, want 704", id)
	}
}

func TestImportKeepsIDsThatJavaScriptCannotHold(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	importText(t, c, `{"id":9223372036854775807,"title":"last"}`, `{"title":"new"}`)
	if got := queryOne[string](t, conn, `SELECT string_agg(id::text, ' ' ORDER BY id) FROM movies`); got != "1 9223372036854775807" {
		t.Errorf("ids: %s", got)
	}
}

func TestImportKeepsNamesakesApart(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	importText(t, c,
		`{"id":1,"title":"One","people":[{"id":50,"name":"Chris Evans","role":"cast"},{"id":60,"name":"Chris Evans","role":"cast"},{"id":50,"name":"Chris Evans","role":"director"}]}`,
		`{"id":2,"title":"Two","people":[{"id":60,"name":"Chris Evans","role":"cast"}],"cast":["somebody else"]}`,
		`{"id":3,"title":"Three","cast":["Chris Evans","Ann Lee"]}`,
		`{"id":4,"title":"Four","directors":["Ann Lee"]}`)
	credits := func() string {
		return queryOne[string](t, conn, `SELECT string_agg(movie_id || ':' || role || ':' || person_id, ' ' ORDER BY movie_id, role DESC, position) FROM credits`)
	}
	want := "1:director:50 1:cast:50 1:cast:60 2:cast:60 3:cast:50 3:cast:61 4:director:61"
	if got := credits(); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	// By name alone a movie keeps the namesake it credits.
	r := importText(t, c, `{"id":1,"title":"One","directors":["Chris Evans"],"cast":["Chris Evans","Chris Evans"]}`, `{"id":2,"title":"Two","cast":["Chris Evans"]}`)
	if r.Unchanged != 2 || credits() != want {
		t.Errorf("%v\ngot  %s\nwant %s", r, credits(), want)
	}
	// A person named with an id is renamed everywhere.
	importText(t, c, `{"id":2,"title":"Two","people":[{"id":60,"name":"Christopher Evans","role":"cast"}]}`)
	if got := everything(t, conn)[0].Cast; !cmp.Equal(got, []string{"Chris Evans", "Christopher Evans"}) {
		t.Errorf("after the rename movie 1 shows %v", got)
	}
}

// An import that is stopped anywhere goes on from there, and each movie is there
// whole or not at all.
func TestImportResumes(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	const n = 13_000
	var b bytes.Buffer
	for i := 1; i <= n; i++ {
		if i%1000 == 0 {
			fmt.Fprintf(&b, "bad line %d\n", i)
			continue
		}
		fmt.Fprintf(&b, `{"id":%d,"title":"Movie %d","cast":["A","B %d"],"genres":["G"],"akas":["a","b"],"keywords":["k"]}`+"\n", i, i, i%10)
	}
	path := filepath.Join(t.TempDir(), "many.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	rejected, reached := 0, int64(0)
	for stops := 0; ; stops++ {
		ctx, stop := context.WithCancel(t.Context())
		f, err := jsonl.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		totals, err := c.Import(ctx, postgres.JSONL(f), postgres.ImportOptions{
			Rejected: func(postgres.Rejection) { rejected++ },
			Progress: func(n postgres.ImportTotals) {
				if n.Lines > reached {
					stop()
				}
				reached = n.Lines
			},
		})
		stop()
		_ = f.Close()
		whole := queryOne[int](t, conn, `SELECT count(*)::int FROM movies m WHERE (SELECT count(*) FROM credits WHERE movie_id = m.id) = 2
			AND (SELECT count(*) FROM akas WHERE movie_id = m.id) = 2`)
		if all := queryOne[int](t, conn, `SELECT count(*)::int FROM movies`); all != whole {
			t.Fatalf("%d movies, but only %d are whole", all, whole)
		}
		if err == nil {
			if stops < 3 || totals.Created != n-n/1000 || totals.Unchanged != 0 || totals.Rejected != n/1000 || totals.Lines != n || rejected != n/1000 {
				t.Errorf("after %d stops: %+v, %d told", stops, totals, rejected)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if r := importPath(t.Context(), t, c, path, false); !errors.Is(r.err, postgres.ErrAlreadyImported) || r.Created != n-n/1000 {
		t.Errorf("imported once more: %v, %v", r, r.err)
	}
	if r := importPath(t.Context(), t, c, path, true); r.err != nil || r.Unchanged != n-n/1000 || r.Created != 0 {
		t.Errorf("imported again: %v, %v", r, r.err)
	}
}

// So does one of movies that are made on the way.
func TestImportOfASequenceResumes(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	const n = 5_000
	run := func(ctx context.Context, progress func(postgres.ImportTotals)) (postgres.ImportTotals, error) {
		made := postgres.Sequence("made", []byte("made"), n, func(i int64) movie.Movie { return movie.Movie{ID: i + 1, Title: fmt.Sprint("Movie ", i)} })
		return c.Import(ctx, made, postgres.ImportOptions{Progress: progress})
	}
	ctx, stop := context.WithCancel(t.Context())
	if _, err := run(ctx, func(n postgres.ImportTotals) {
		if n.Lines > 0 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	totals, err := run(t.Context(), nil)
	if err != nil || totals.Created != n || totals.Unchanged != 0 || totals.Lines != n {
		t.Errorf("%+v, %v", totals, err)
	}
	if n := queryOne[int](t, conn, `SELECT count(*)::int FROM movies`); n != 5_000 {
		t.Errorf("%d movies", n)
	}
}

func TestImportIsOneAtATime(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	exec(t, conn, `SELECT pg_advisory_lock(7885651667594706945)`)
	path := filepath.Join(t.TempDir(), "one.jsonl")
	if err := os.WriteFile(path, []byte(`{"title":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := importPath(t.Context(), t, c, path, false); !errors.Is(r.err, movie.ErrConflict) {
		t.Errorf("beside another import: %v", r.err)
	}
	exec(t, conn, `SELECT pg_advisory_unlock_all()`)
	if r := importPath(t.Context(), t, c, path, false); r.err != nil || r.Created != 1 {
		t.Errorf("after it: %v %v", r, r.err)
	}
}

// What the database refuses although the movie is valid costs its line only.
func TestImportIsolatesWhatPostgresRefuses(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	exec(t, conn, `ALTER TABLE movies ADD CONSTRAINT no_thirteen CHECK (title <> '13')`)
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf(`{"title":"%d"}`, i))
	}
	r := importText(t, c, append(lines, "bad")...)
	if r.Created != 39 || r.Rejected != 2 || len(r.rejected) != 2 || !strings.Contains(r.rejected[0], `14: invalid input: Postgres refuses it: new row for relation "movies" violates check constraint "no_thirteen"`) {
		t.Error(r, r.rejected)
	}
	if n := queryOne[int](t, conn, `SELECT rejected FROM import_progress`); n != 2 {
		t.Errorf("%d rejections recorded", n)
	}
}

// Whatever valid movies are imported, the documents are the movies; exporting
// them and importing that changes nothing, here and elsewhere.
func TestImportAndExportAreInverse(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	elsewhere, _ := newCatalog(t)
	byID := map[int64]movie.Movie{}
	generator := anyMovie()
	for round := range 3 {
		var lines []string
		for i := range 200 {
			m := generator.Example(1000*round + i)
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(text))
			byID[m.ID] = m
		}
		if r := importText(t, c, lines...); r.Rejected != 0 {
			t.Fatal(r, r.rejected)
		}
		want := slices.Collect(maps.Values(byID))
		sortByID(want)
		ignore := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(movie.Movie{}, "People", "Revision")}
		if diff := cmp.Diff(want, everything(t, conn), ignore...); diff != "" {
			t.Fatal(diff)
		}
		exported := export(t, c)
		again := strings.Split(strings.TrimSuffix(exported, "\n"), "\n")
		if r := importText(t, c, again...); r.Unchanged != int64(len(want)) || r.Updated+r.Created != 0 {
			t.Fatal(r, r.rejected)
		}
		importText(t, elsewhere, again...)
		if diff := cmp.Diff(exported, export(t, elsewhere)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// An import beside writers that take, change and delete its movies does not fail
// and leaves what its lines say, or what the others wrote after it.
func TestImportBesideOtherWriters(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	var lines []string
	for i := range 1500 {
		lines = append(lines, fmt.Sprintf(`{"id":%d,"title":"imported","imdb_id":"tt%07d","cast":["A","B"],"genres":["G"],"akas":["a"]}`, i+1, i+1))
	}
	var group errgroup.Group
	for w := range 3 {
		writer := connect(t, conn.Config().ConnString())
		random := rand.New(rand.NewPCG(2, uint64(w)))
		group.Go(func() error {
			for range 200 {
				id := 1 + random.IntN(len(lines))
				_, err := writer.Exec(t.Context(), []string{
					fmt.Sprintf(`INSERT INTO movies (id, title) VALUES (%d, 'by hand') ON CONFLICT DO NOTHING`, id),
					fmt.Sprintf(`UPDATE movies SET title = 'by hand' WHERE id = %d`, id),
					fmt.Sprintf(`DELETE FROM movies WHERE id = %d`, id),
					fmt.Sprintf(`INSERT INTO genres (name) VALUES ('G') ON CONFLICT DO NOTHING; INSERT INTO akas (movie_id, title) SELECT id, 'by hand' FROM movies WHERE id = %d`, id),
				}[random.IntN(4)])
				var pgErr *pgconn.PgError
				if err != nil && (!errors.As(err, &pgErr) || pgErr.Code[:2] == "XX") {
					return err
				}
			}
			return nil
		})
	}
	for range 3 {
		if r := importText(t, c, lines...); r.Rejected != 0 || r.Movies() != int64(len(lines)) {
			t.Error(r, r.rejected)
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	importText(t, c, lines...)
	for _, m := range everything(t, conn) {
		if m.Title != "imported" || len(m.Cast) != 2 || len(m.Akas) != 1 || len(m.Genres) != 1 {
			t.Fatalf("after a last import: %+v", m)
		}
	}
}

func export(t testing.TB, c *postgres.Catalog) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.Export(t.Context(), &b, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
