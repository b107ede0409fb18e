package imdb_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"movies/internal/imdb"
	"movies/internal/movie"
)

var headers = map[string]string{
	"title.basics":     "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres",
	"title.akas":       "titleId ordering title region language types attributes isOriginalTitle",
	"title.ratings":    "tconst averageRating numVotes",
	"title.crew":       "tconst directors writers",
	"title.principals": "tconst ordering nconst category job characters",
	"name.basics":      "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}

// folder writes the six files; columns are separated by |, lines by newlines.
func folder(t testing.TB, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, header := range headers {
		text := strings.ReplaceAll(header, " ", "\t") + "\n" + strings.ReplaceAll(contents[name], "|", "\t")
		writeGzip(t, filepath.Join(dir, name+".tsv.gz"), text)
	}
	return dir
}

func writeGzip(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string, types ...string) *imdb.Reader {
	t.Helper()
	r, err := imdb.Open(dir, types)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// all reads to the end; problems are "file:line: reason".
func all(t testing.TB, r *imdb.Reader) (movies []movie.Movie, problems []string, err error) {
	t.Helper()
	for {
		title, err := r.Next()
		for _, p := range title.Problems {
			problems = append(problems, fmt.Sprintf("%s:%d: %v", filepath.Base(p.File), p.Line, p.Err))
		}
		if title.Movie != nil {
			movies = append(movies, *title.Movie)
		}
		if errors.Is(err, io.EOF) {
			return movies, problems, nil
		}
		if err != nil {
			return movies, problems, err
		}
	}
}

var alien = map[string]string{
	"title.basics": `tt0000001|short|Carmencita|Carmencita|0|1894|\N|1|Documentary,Short
tt0078748|movie|Alien|Star Beast|1|1979|\N|117|Horror,Sci-Fi
tt0090605|tvMovie|Aliens|Aliens|0|\N|\N|\N|\N
`,
	"title.akas": `tt0000001|1|Carmencita|\N|\N|original|\N|1
tt0078748|1|Star Beast|\N|\N|original|\N|1
tt0078748|2|Alien|GB|\N|\N|\N|0
tt0078748|3|Obcy|PL|\N|\N|\N|0
tt0078748|4|Чужой|RU|\N|\N|\N|0
tt0078748|5|Obcy|PL|\N|\N|\N|0
`,
	"title.ratings": `tt0000001|5.7|1900
tt0078748|8.5|900000
`,
	"title.crew": `tt0000001|nm0005690|\N
tt0078748|nm0000631,nm0000002|nm0639321
tt0090605|\N|\N
`,
	"title.principals": `tt0000001|1|nm1588970|self|\N|["Self"]
tt0078748|1|nm0000244|actress|\N|["Ripley","Ellen"]
tt0078748|2|nm0000631|director|\N|\N
tt0078748|3|nm0000643|actor|\N|\N
tt0078748|4|nm12345678|self|\N|["Self"]
`,
	"name.basics": `nm0000002|Ridley Scott|1937|\N|director|tt0078748
nm0000244|Sigourney Weaver|1949|\N|actress|tt0078748
nm0000631|Ridley Scott|1937|\N|director|tt0078748
nm0000643|Tom Skerritt|1933|\N|actor|\N
nm0005690|William K.L. Dickson|1860|1935|\N|\N
nm12345678|Él|\N|\N|\N|\N
nm1588970|Carmencita|1868|1910|soundtrack|\N
`,
}

func TestTitlesOfAllFiles(t *testing.T) {
	t.Parallel()
	movies, problems, err := all(t, open(t, folder(t, alien), "movie", "tvMovie"))
	if err != nil || problems != nil {
		t.Fatal(err, problems)
	}
	want := []movie.Movie{{
		IMDbID: "tt0078748", Title: "Alien", OriginalTitle: "Star Beast", Akas: []string{"Obcy", "Чужой"}, Year: 1979, Runtime: 117,
		Genres: []string{"Horror", "Sci-Fi"}, Characters: []string{"Ripley", "Ellen", "Self"}, Rating: 8.5, Votes: 900000, Adult: true,
		People: []movie.Credit{
			{IMDbID: "nm0000631", Name: "Ridley Scott", Role: movie.RoleDirector}, {IMDbID: "nm0000002", Name: "Ridley Scott", Role: movie.RoleDirector},
			{IMDbID: "nm0000244", Name: "Sigourney Weaver", Role: movie.RoleCast}, {IMDbID: "nm0000643", Name: "Tom Skerritt", Role: movie.RoleCast},
			{IMDbID: "nm12345678", Name: "Él", Role: movie.RoleCast},
		},
	}, {IMDbID: "tt0090605", Title: "Aliens"}}
	if diff := cmp.Diff(want, movies, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if movies, _, _ := all(t, open(t, folder(t, alien), "short")); len(movies) != 1 || movies[0].Title != "Carmencita" || movies[0].Runtime != 1 {
		t.Errorf("shorts: %+v", movies)
	}
}

// A bad line costs what stands on it and is told by file and number.
func TestBadLines(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"title.basics": `tt0000001|movie|One|One|0|MCM|\N|\N|\N
tt0000002|movie|Two|Two|0|\N|\N
tt0000003|movie|Three|Three|0|1850|\N|\N|\N
tt0000004|movie|` + "\xff" + `|Four|0|\N|\N|\N|\N
tt0000005|movie|Five|Five|0|2005|\N|\N|\N
tt0000005|movie|Five again|Five|0|2005|\N|\N|\N
tt0000006|movie|\N|Six|0|2005|\N|\N|\N
x|movie|Seven|Seven|0|2005|\N|\N|\N
`,
		"title.akas":    "tt0000005|1\ntt0000005|2|Fünf|DE|de|\\N|\\N|0\n",
		"title.ratings": "tt0000001|nine|5\ntt0000005|11.0|5\ntt0000007|eight|5\n",
		"title.crew":    "tt0000005|nm0000009,nm0000001,director|\\N\n",
		"title.principals": `tt0000005|1|nm0000001|actor|\N|["broken]
tt0000005|2|nm0000002|actor|\N|\N
tt0000005|3|nm0000003|actor|\N|["X"]
`,
		"name.basics": `nm0000001|Ann|\N|\N|\N|\N
nm0000002||\N|\N|\N|\N
nm3|Bob|\N|\N|\N|\N
nm0000003|Cy|\N|\N|\N|\N
nm00000003|Cyd|\N|\N|\N|\N
`,
	}
	movies, problems, err := all(t, open(t, folder(t, bad), "movie"))
	if err != nil {
		t.Fatal(err)
	}
	want := []movie.Movie{{IMDbID: "tt0000005", Title: "Five", Year: 2005, Akas: []string{"Fünf"}, Characters: []string{"X"}, People: []movie.Credit{
		{IMDbID: "nm0000001", Name: "Ann", Role: movie.RoleDirector}, {IMDbID: "nm0000001", Name: "Ann", Role: movie.RoleCast}, {IMDbID: "nm0000003", Name: "Cy", Role: movie.RoleCast}}}}
	if diff := cmp.Diff(want, movies); diff != "" {
		t.Error(diff)
	}
	wantProblems := []string{
		`name.basics.tsv.gz:3: primaryName must have 1 to 500 characters, U+0000 none of them`,
		`name.basics.tsv.gz:4: nconst must be "nm" and 7 to 9 digits, not "nm3"`,
		`name.basics.tsv.gz:6: nconst must be "nm" and 7 to 9 digits, not "nm00000003"`,
		`title.ratings.tsv.gz:2: averageRating must be from 0 to 10, of votes that are not negative; not "nine" of "5"`,
		`title.basics.tsv.gz:2: startYear must be an integer or \N, not "MCM"`,
		`title.basics.tsv.gz:3: text has 7 columns, must have 9`,
		`title.basics.tsv.gz:4: year must be from 1870 to 2100, not 1850`,
		`title.basics.tsv.gz:5: text is not valid UTF-8`,
		`title.ratings.tsv.gz:3: averageRating must be from 0 to 10, of votes that are not negative; not "11.0" of "5"`,
		`title.akas.tsv.gz:2: text has 2 columns, must have 8`,
		`title.crew.tsv.gz:2: nconst "nm0000009" is not in name.basics.tsv.gz`,
		`title.crew.tsv.gz:2: nconst must be "nm" and 7 to 9 digits, not "director"`,
		`title.principals.tsv.gz:2: characters must be a JSON list of texts or \N, not "[\"broken]"`,
		`title.principals.tsv.gz:3: nconst "nm0000002" is not in name.basics.tsv.gz`,
		`title.basics.tsv.gz:7: tconst tt0000005 stands on the line before, too`,
		`title.basics.tsv.gz:8: title is required`,
		`title.basics.tsv.gz:9: imdb_id must be "tt" and 7 to 10 digits, not "x"`,
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Error(diff)
	}
}

func TestLinesThatAreTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	movies, problems, err := all(t, open(t, folder(t, map[string]string{
		"title.basics":  "tt0000001|movie|One|One|0||||\ntt0000002|movie|" + long + "|Two|0||||\ntt0000003|movie|Three|Three|0||||\n",
		"title.akas":    "tt0000001|1|Eins|||||\ntt0000001|2|" + long + "|||||\ntt0000001|3|Uno|||||\n",
		"title.ratings": "tt0000003|5.5|7\n",
	}), "movie"))
	want := []movie.Movie{{IMDbID: "tt0000001", Title: "One", Akas: []string{"Eins", "Uno"}}, {IMDbID: "tt0000003", Title: "Three", Rating: 5.5, Votes: 7}}
	if diff := cmp.Diff(want, movies); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if want := "title.akas.tsv.gz:3: invalid input: the line is longer than 1048576 bytes title.basics.tsv.gz:3: invalid input: the line is longer than 1048576 bytes"; strings.Join(problems, " ") != want {
		t.Errorf("%q", problems)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	other := map[string]string{"title.basics": alien["title.basics"], "title.akas": "tt0000002|1|x|||||0\ntt0000001|1|x|||||0\n"}
	_, _, err := all(t, open(t, folder(t, other), "movie"))
	if want := `title.akas.tsv.gz:3: "tt0000001" comes behind "tt0000002": lines must be in the order of their first column`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("another order: %v, want %s", err, want)
	}
	dir := folder(t, alien)
	writeGzip(t, filepath.Join(dir, "title.crew.tsv.gz"), "tconst\tdirectors\n")
	if _, err := imdb.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "title.crew.tsv.gz:1: this is not IMDb's title.crew: the first line must be the columns tconst, directors, writers") {
		t.Errorf("another header: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "title.crew.tsv.gz")); err != nil {
		t.Fatal(err)
	}
	if _, err := imdb.Open(dir, nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "title.crew.tsv.gz") {
		t.Errorf("a missing file: %v", err)
	}
}

// Wherever reading stops, it goes on there, and does not tell again what is wrong
// with names.
func TestSkipGoesToAnyTitle(t *testing.T) {
	t.Parallel()
	contents := map[string]string{"name.basics": "bad||||\n"}
	var basics, akas strings.Builder
	for i := range 50 {
		fmt.Fprintf(&basics, "tt%07d|%s|Title %d|\\N|0|\\N|\\N|\\N|\\N\n", i, []string{"movie", "short"}[i%3%2], i)
		fmt.Fprintf(&akas, "tt%07d|1|Aka %d|||||0\n", i, i)
	}
	contents["title.basics"], contents["title.akas"] = basics.String(), akas.String()
	dir := folder(t, contents)
	whole, _, _ := all(t, open(t, dir, "movie"))
	first := open(t, dir, "movie")
	for read := 1; read <= len(whole); read++ {
		title, err := first.Next()
		if err != nil {
			t.Fatal(err)
		}
		second := open(t, dir, "movie")
		if err := second.Skip(title.Lines, title.Offset); err != nil {
			t.Fatal(err)
		}
		rest, problems, err := all(t, second)
		if diff := cmp.Diff(whole[read:], rest, cmpopts.EquateEmpty()); diff != "" || err != nil || problems != nil {
			t.Fatal(diff, err, problems)
		}
	}
	if len(whole) != 33 || whole[32].Akas[0] != "Aka 48" {
		t.Errorf("%d titles", len(whole))
	}
}

// An import that is stopped closes the reader while it reads ahead.
func TestCloseEndsNext(t *testing.T) {
	t.Parallel()
	var names strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&names, "nm%07d|Person %d||||\n", i, i)
	}
	for range 10 {
		r := open(t, folder(t, map[string]string{"title.basics": alien["title.basics"], "name.basics": names.String()}), "movie")
		started, ended := make(chan bool), make(chan error)
		go func() {
			close(started)
			_, err := r.Next()
			ended <- err
		}()
		<-started
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil && !errors.Is(err, os.ErrClosed) {
			t.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
}

func TestFingerprintTellsFilesAndTypesApart(t *testing.T) {
	t.Parallel()
	dir := folder(t, alien)
	same := string(open(t, dir, "movie", "tvMovie").Fingerprint())
	if again := string(open(t, dir, "tvMovie", "movie").Fingerprint()); again != same || same == "" {
		t.Error("the same files have another fingerprint")
	}
	if string(open(t, dir, "movie").Fingerprint()) == same {
		t.Error("other types have the same fingerprint")
	}
	writeGzip(t, filepath.Join(dir, "name.basics.tsv.gz"), strings.ReplaceAll(headers["name.basics"], " ", "\t")+"\n")
	if string(open(t, dir, "movie", "tvMovie").Fingerprint()) == same {
		t.Error("other names have the same fingerprint")
	}
}

// Whatever the files hold, every movie is valid, every problem has a place, and
// the reader comes to an end.
func FuzzReader(f *testing.F) {
	f.Add(alien["title.basics"], alien["title.akas"], alien["title.ratings"], alien["title.crew"], alien["title.principals"], alien["name.basics"])
	f.Add("tt0000001|movie|a", "tt0000001", "tt0000001|NaN|1", "tt0000001|nm0000001", `tt0000001|1|nm0000001|self|\N|[null,{}]`, "nm0000001|\x00||||")
	f.Fuzz(func(t *testing.T, basics, akas, ratings, crew, principals, names string) {
		dir := t.TempDir()
		for name, lines := range map[string]string{"title.basics": basics, "title.akas": akas, "title.ratings": ratings, "title.crew": crew,
			"title.principals": principals, "name.basics": names} {
			text := strings.ReplaceAll(headers[name], " ", "\t") + "\n" + strings.ReplaceAll(lines, "|", "\t") // not compressed: faster
			if err := os.WriteFile(filepath.Join(dir, name+".tsv.gz"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := open(t, dir, "movie", "short", "tvMovie")
		for last := int64(0); ; {
			title, err := r.Next()
			for _, p := range title.Problems {
				if p.Line < 2 || p.Err == nil || !errors.Is(p.Err, movie.ErrInvalid) {
					t.Fatalf("problem %+v", p)
				}
			}
			if title.Movie != nil {
				people := title.Movie.People
				title.Movie.People = nil
				if err := title.Movie.Validate(); err != nil {
					t.Fatal(err)
				}
				for _, p := range people {
					if p.Name == "" || !strings.HasPrefix(p.IMDbID, "nm") || p.ID != 0 {
						t.Fatalf("person %+v", p)
					}
				}
			}
			if err != nil {
				return
			}
			if title.Line <= last || title.Lines != title.Line {
				t.Fatalf("line %d behind line %d, next begins behind %d", title.Line, last, title.Lines)
			}
			last = title.Line
		}
	})
}
