package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/internal/imdb"
	"movies/internal/movie"
	"movies/internal/postgres"
)

// imdbFiles are lines of IMDb's files with | between columns; only what matters
// here, the rest is filled in.
type imdbFiles struct{ basics, ratings, crew, principals, names []string }

func (f imdbFiles) write(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, file := range []struct {
		name, header string
		lines        []string
	}{
		{"title.basics", "tconst|titleType|primaryTitle|originalTitle|isAdult|startYear|endYear|runtimeMinutes|genres", f.basics},
		{"title.akas", "titleId|ordering|title|region|language|types|attributes|isOriginalTitle", nil},
		{"title.ratings", "tconst|averageRating|numVotes", f.ratings},
		{"title.crew", "tconst|directors|writers", f.crew},
		{"title.principals", "tconst|ordering|nconst|category|job|characters", f.principals},
		{"name.basics", "nconst|primaryName|birthYear|deathYear|primaryProfession|knownForTitles", f.names},
	} {
		text := strings.ReplaceAll(strings.Join(append([]string{file.header}, file.lines...), "\n")+"\n", "|", "\t")
		if err := os.WriteFile(filepath.Join(dir, file.name+".tsv.gz"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func importIMDb(ctx context.Context, t testing.TB, c *postgres.Catalog, dir string, o postgres.ImportOptions) (r imported) {
	t.Helper()
	reader, err := imdb.Open(dir, []string{"movie"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	o.Rejected = func(j postgres.Rejection) {
		r.rejected = append(r.rejected, fmt.Sprintf("%s:%d: %v", filepath.Base(j.File), j.Line, j.Err))
	}
	r.ImportTotals, r.err = c.Import(ctx, postgres.IMDb(reader), o)
	return r
}

func (f imdbFiles) load(t testing.TB, c *postgres.Catalog, want string) {
	t.Helper()
	r := importIMDb(t.Context(), t, c, f.write(t), postgres.ImportOptions{})
	if r.err != nil || r.String() != want {
		t.Errorf("import: %v, %v %v, want %s", r, r.err, r.rejected, want)
	}
}

var twoFilms = imdbFiles{
	basics:  []string{`tt0000001|movie|One|One|0|2001|\N|90|Drama`, `tt0000002|movie|Two|Deux|0|2002|\N|\N|\N`, `tt0000003|short|Three|Three|0|\N|\N|\N|\N`},
	ratings: []string{`tt0000001|7.5|100`},
	crew:    []string{`tt0000001|nm0000001|\N`, `tt0000002|nm0000002|\N`},
	principals: []string{`tt0000001|1|nm0000002|actor|\N|["Hero"]`, `tt0000002|1|nm0000001|self|\N|\N`, `tt0000002|2|nm0000003|actress|\N|\N`,
		`tt0000002|3|nm0000009|actor|\N|\N`},
	names: []string{`nm0000001|Chris Evans||||`, `nm0000002|Chris Evans||||`, `nm0000003|Ann Lee||||`, `nm0000004|Nobody||||`},
}

// clone lets a test change lines.
func (f imdbFiles) clone() imdbFiles {
	for _, lines := range []*[]string{&f.basics, &f.ratings, &f.crew, &f.principals, &f.names} {
		*lines = append([]string(nil), *lines...)
	}
	return f
}

func TestImportFromIMDbKnowsPeopleByTheirIdentifier(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	twoFilms.load(t, c, "2 new, 0 changed, 0 as before, 1 rejected")
	credits := func() string {
		return queryOne[string](t, conn, `SELECT string_agg(format('%s:%s:%s:%s', m.title, role, p.imdb_id, p.name), ' ' ORDER BY movie_id, role DESC, position)
			FROM credits JOIN movies m ON m.id = movie_id JOIN people p ON p.id = person_id`)
	}
	want := "One:director:nm0000001:Chris Evans One:cast:nm0000002:Chris Evans " +
		"Two:director:nm0000002:Chris Evans Two:cast:nm0000001:Chris Evans Two:cast:nm0000003:Ann Lee"
	if diff := cmp.Diff(want, credits()); diff != "" {
		t.Error(diff)
	}
	if n := queryOne[int](t, conn, `SELECT count(*)::int FROM people`); n != 3 {
		t.Errorf("%d people, want 3: those with a credit", n)
	}
	// A person renamed keeps the id; only that is written.
	renamed := twoFilms.clone()
	renamed.names[1] = `nm0000002|Christopher Evans||||`
	before := queryOne[string](t, conn, `SELECT string_agg(id || ':' || imdb_id, ' ' ORDER BY id) FROM people`)
	renamed.load(t, c, "0 new, 0 changed, 2 as before, 1 rejected")
	if diff := cmp.Diff(strings.ReplaceAll(want, "nm0000002:Chris ", "nm0000002:Christopher "), credits()); diff != "" {
		t.Error(diff)
	}
	if after := queryOne[string](t, conn, `SELECT string_agg(id || ':' || imdb_id, ' ' ORDER BY id) FROM people`); after != before {
		t.Errorf("people were %s and are %s", before, after)
	}
}

func TestImportFromIMDbWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	twoFilms.load(t, c, "2 new, 0 changed, 0 as before, 1 rejected")
	w := newWAL(t, conn.Config().ConnString())
	twoFilms.load(t, c, "0 new, 0 changed, 2 as before, 1 rejected")
	if sent := w.next(t); len(sent) != 0 {
		t.Errorf("nothing changed, but %s was sent", describe(sent))
	}
	for _, change := range []func(f *imdbFiles){
		func(f *imdbFiles) { f.ratings[0] = `tt0000001|7.6|101` },
		func(f *imdbFiles) { f.ratings = nil },
		func(f *imdbFiles) { f.basics[0] = `tt0000001|movie|One|Uno|0|2001|\N|90|Drama` },
		func(f *imdbFiles) { f.basics[0] = `tt0000001|movie|One|One|0|2001|\N|90|Drama,War` },
		func(f *imdbFiles) { f.crew[0] = `tt0000001|nm0000003|\N` },
		func(f *imdbFiles) { f.principals[0] = `tt0000001|1|nm0000002|actor|\N|["Villain"]` },
	} {
		changed := twoFilms.clone()
		change(&changed)
		changed.load(t, c, "0 new, 1 changed, 1 as before, 1 rejected")
		twoFilms.load(t, c, "0 new, 1 changed, 1 as before, 1 rejected")
	}
}

// What IMDb knows nothing of stays, and who has no identifier yet gets it.
func TestImportFromIMDbKeepsTheRest(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	line := `{"id":70,"imdb_id":"tt0000001","title":"One","year":2001,"release_date":"2001-02-03","runtime":90,"genres":["Drama"],"languages":["English"],
		"countries":["Ireland"],"keywords":["rain","tea"],"overview":"It rains.","directors":["Chris Evans"],"cast":["Chris Evans"],
		"characters":["Hero"],"rating":7.5,"votes":100,"popularity":3.5,"poster_url":"https://example.org/1.jpg",
		"people":[{"id":5,"name":"Chris Evans","role":"director"},{"id":6,"name":"Chris Evans","role":"cast"}]}`
	importText(t, c, oneLine(line), `{"title":"Two","cast":["Ann Lee"]}`)
	twoFilms.load(t, c, "1 new, 0 changed, 1 as before, 1 rejected")
	if got := queryOne[string](t, conn, `SELECT string_agg(id || ':' || imdb_id, ' ' ORDER BY id) FROM people WHERE id < 7`); got != "5:nm0000001 6:nm0000002" {
		t.Errorf("people: %s", got)
	}
	changed := twoFilms.clone()
	changed.basics[0] = `tt0000001|movie|The One|The One|0|\N|\N|91|\N`
	changed.load(t, c, "0 new, 1 changed, 1 as before, 1 rejected")
	want, err := movie.Parse([]byte(oneLine(line)))
	if err != nil {
		t.Fatal(err)
	}
	want.Title, want.Year, want.Runtime, want.Genres, want.Revision = "The One", 0, 91, []string{}, 2
	want.Akas = []string{}
	if diff := cmp.Diff(want, everything(t, conn)[0]); diff != "" {
		t.Error(diff)
	}
}

// Of two namesakes in one film each gets the identifier of the credit in the same
// place.
func TestImportFromIMDbTellsNamesakesApartByBilling(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	importText(t, c, `{"title":"One","imdb_id":"tt0000001","people":[{"id":21,"name":"Ann Lee","role":"cast"},{"id":20,"name":"Ann Lee","role":"cast"}]}`)
	f := imdbFiles{
		basics:     []string{`tt0000001|movie|One|One|0||||`},
		principals: []string{`tt0000001|1|nm0000001|actor|\N|\N`, `tt0000001|2|nm0000002|actor|\N|\N`},
		names:      []string{`nm0000001|Ann Lee||||`, `nm0000002|Ann Lee||||`},
	}
	f.load(t, c, "0 new, 0 changed, 1 as before, 0 rejected")
	if got := queryOne[string](t, conn, `SELECT string_agg(id || ':' || imdb_id, ' ' ORDER BY id) FROM people`); got != "20:nm0000002 21:nm0000001" {
		t.Errorf("people: %s", got)
	}
}

func TestImportFromIMDbResumes(t *testing.T) {
	t.Parallel()
	c, conn := newCatalog(t)
	const n = 7_000
	var f imdbFiles
	for i := range n {
		f.basics = append(f.basics, fmt.Sprintf(`tt%07d|movie|Movie %d|\N|0|\N|\N|\N|Drama`, i, i))
		f.principals = append(f.principals, fmt.Sprintf(`tt%07d|1|nm%07d|actor|\N|\N`, i, i%100))
	}
	for i := range 100 {
		f.names = append(f.names, fmt.Sprintf(`nm%07d|Person %d||||`, i, i))
	}
	f.names = append(f.names, "broken", "broken")
	dir, reached, rejected := f.write(t), int64(0), 0
	for stops := 0; ; stops++ {
		ctx, stop := context.WithCancel(t.Context())
		r := importIMDb(ctx, t, c, dir, postgres.ImportOptions{Progress: func(n postgres.ImportTotals) {
			if n.Lines > reached {
				stop()
			}
			reached = n.Lines
		}})
		stop()
		rejected += len(r.rejected)
		if r.err == nil {
			if stops < 3 || r.Created != n || r.Unchanged != 0 || rejected != 2 || r.Rejected != 2 {
				t.Errorf("after %d stops: %v, told %d", stops, r, rejected)
			}
			break
		}
		if !errors.Is(r.err, context.Canceled) {
			t.Fatal(r.err)
		}
	}
	if n := queryOne[int](t, conn, `SELECT count(*)::int FROM credits`); n != 7_000 {
		t.Errorf("%d credits", n)
	}
	if r := importIMDb(t.Context(), t, c, dir, postgres.ImportOptions{}); !errors.Is(r.err, postgres.ErrAlreadyImported) {
		t.Errorf("once more: %v", r.err)
	}
}
