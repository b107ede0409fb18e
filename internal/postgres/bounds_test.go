package postgres_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"movies/internal/movie"
)

// What movie.Validate accepts, the tables accept, and the other way round: each
// bound is tried on both sides.
func TestTheSchemaHasTheBoundsOfTheMovie(t *testing.T) {
	t.Parallel()
	conn := connect(t, newDatabase(t))
	exec(t, conn, `INSERT INTO movies (title) VALUES ('parent'); INSERT INTO people (name) VALUES ('P')`)
	text := func(n int) string { return strings.Repeat("é", n) }
	list := func(n int) []string {
		values := make([]string, n)
		for i := range values {
			values[i] = "v"
		}
		return values
	}
	column := func(name string) string { return `INSERT INTO movies (title, ` + name + `) VALUES ('x', $1)` }
	for _, c := range []struct {
		name  string
		sql   string
		value any
		movie movie.Movie
	}{
		{"id 0 below", `INSERT INTO movies (id, title) VALUES ($1, 'x')`, -1, movie.Movie{Title: "x", ID: -1}},
		{"id", `INSERT INTO movies (id, title) VALUES ($1, 'x')`, int64(math.MaxInt64), movie.Movie{Title: "x", ID: math.MaxInt64}},
		{"title", `INSERT INTO movies (title) VALUES ($1)`, text(movie.MaxTitle), movie.Movie{Title: text(movie.MaxTitle)}},
		{"title too long", `INSERT INTO movies (title) VALUES ($1)`, text(movie.MaxTitle + 1), movie.Movie{Title: text(movie.MaxTitle + 1)}},
		{"title blank", `INSERT INTO movies (title) VALUES ($1)`, " \t\u3000", movie.Movie{Title: " \t\u3000"}},
		{"imdb_id shortest", column("imdb_id"), "tt1234567", movie.Movie{Title: "x", IMDbID: "tt1234567"}},
		{"imdb_id longest", column("imdb_id"), "tt1234567890", movie.Movie{Title: "x", IMDbID: "tt1234567890"}},
		{"imdb_id too short", column("imdb_id"), "tt123456", movie.Movie{Title: "x", IMDbID: "tt123456"}},
		{"imdb_id too long", column("imdb_id"), "tt12345678901", movie.Movie{Title: "x", IMDbID: "tt12345678901"}},
		{"imdb_id no digits", column("imdb_id"), "tt١٢٣٤٥٦٧", movie.Movie{Title: "x", IMDbID: "tt١٢٣٤٥٦٧"}},
		{"imdb_id with a line end", column("imdb_id"), "tt1234567\n", movie.Movie{Title: "x", IMDbID: "tt1234567\n"}},
		{"original_title", column("original_title"), text(movie.MaxTitle), movie.Movie{Title: "x", OriginalTitle: text(movie.MaxTitle)}},
		{"original_title too long", column("original_title"), text(movie.MaxTitle + 1), movie.Movie{Title: "x", OriginalTitle: text(movie.MaxTitle + 1)}},
		{"original_title blank", column("original_title"), " ", movie.Movie{Title: "x", OriginalTitle: " "}},
		{"year first", column("year"), movie.MinYear, movie.Movie{Title: "x", Year: movie.MinYear}},
		{"year last", column("year"), movie.MaxYear, movie.Movie{Title: "x", Year: movie.MaxYear}},
		{"year before", column("year"), movie.MinYear - 1, movie.Movie{Title: "x", Year: movie.MinYear - 1}},
		{"year behind", column("year"), movie.MaxYear + 1, movie.Movie{Title: "x", Year: movie.MaxYear + 1}},
		{"release_date first", column("release_date"), "1870-01-01", movie.Movie{Title: "x", ReleaseDate: "1870-01-01"}},
		{"release_date last", column("release_date"), "2100-12-31", movie.Movie{Title: "x", ReleaseDate: "2100-12-31"}},
		{"release_date before", column("release_date"), "1869-12-31", movie.Movie{Title: "x", ReleaseDate: "1869-12-31"}},
		{"release_date behind", column("release_date"), "2101-01-01", movie.Movie{Title: "x", ReleaseDate: "2101-01-01"}},
		{"runtime", column("runtime"), movie.MaxRuntime, movie.Movie{Title: "x", Runtime: movie.MaxRuntime}},
		{"runtime too long", column("runtime"), movie.MaxRuntime + 1, movie.Movie{Title: "x", Runtime: movie.MaxRuntime + 1}},
		{"runtime negative", column("runtime"), -1, movie.Movie{Title: "x", Runtime: -1}},
		{"overview", column("overview"), text(movie.MaxOverview), movie.Movie{Title: "x", Overview: text(movie.MaxOverview)}},
		{"overview too long", column("overview"), text(movie.MaxOverview + 1), movie.Movie{Title: "x", Overview: text(movie.MaxOverview + 1)}},
		{"rating", column("rating"), 10.0, movie.Movie{Title: "x", Rating: 10}},
		{"rating above", column("rating"), 10.01, movie.Movie{Title: "x", Rating: 10.01}},
		{"rating below", column("rating"), -0.01, movie.Movie{Title: "x", Rating: -0.01}},
		{"rating not a number", column("rating"), math.NaN(), movie.Movie{Title: "x", Rating: math.NaN()}},
		{"votes below", column("votes"), -1, movie.Movie{Title: "x", Votes: -1}},
		{"popularity", column("popularity"), 1e12 - 1, movie.Movie{Title: "x", Popularity: 1e12 - 1}},
		{"popularity above", column("popularity"), 1e12, movie.Movie{Title: "x", Popularity: 1e12}},
		{"popularity below", column("popularity"), -1.0, movie.Movie{Title: "x", Popularity: -1}},
		{"popularity endless", column("popularity"), math.Inf(1), movie.Movie{Title: "x", Popularity: math.Inf(1)}},
		{"poster_url", column("poster_url"), "https://a/" + text(movie.MaxURL-10), movie.Movie{Title: "x", PosterURL: "https://a/" + text(movie.MaxURL-10)}},
		{"poster_url too long", column("poster_url"), "https://a/" + text(movie.MaxURL-9), movie.Movie{Title: "x", PosterURL: "https://a/" + text(movie.MaxURL-9)}},
		{"poster_url no url", column("poster_url"), "ftp://a", movie.Movie{Title: "x", PosterURL: "ftp://a"}},
		{"languages", column("languages"), list(movie.MaxListValues), movie.Movie{Title: "x", Languages: list(movie.MaxListValues)}},
		{"languages too many", column("languages"), list(movie.MaxListValues + 1), movie.Movie{Title: "x", Languages: list(movie.MaxListValues + 1)}},
		{"countries too many", column("countries"), list(movie.MaxListValues + 1), movie.Movie{Title: "x", Countries: list(movie.MaxListValues + 1)}},
		{"characters too many", column("characters"), list(movie.MaxListValues + 1), movie.Movie{Title: "x", Characters: list(movie.MaxListValues + 1)}},
		{"language blank", column("languages"), []string{"a", "\u2003"}, movie.Movie{Title: "x", Languages: []string{"a", "\u2003"}}},
		{"country longest", column("countries"), []string{text(movie.MaxName)}, movie.Movie{Title: "x", Countries: []string{text(movie.MaxName)}}},
		{"character too long", column("characters"), []string{text(movie.MaxName + 1)}, movie.Movie{Title: "x", Characters: []string{text(movie.MaxName + 1)}}},
		{"aka", `INSERT INTO akas (movie_id, title) VALUES (1, $1)`, text(movie.MaxTitle), movie.Movie{Title: "x", Akas: []string{text(movie.MaxTitle)}}},
		{"aka too long", `INSERT INTO akas (movie_id, title) VALUES (1, $1)`, text(movie.MaxTitle + 1), movie.Movie{Title: "x", Akas: []string{text(movie.MaxTitle + 1)}}},
		{"aka blank", `INSERT INTO akas (movie_id, title) VALUES (1, $1)`, " ", movie.Movie{Title: "x", Akas: []string{" "}}},
		{"akas as many", `INSERT INTO akas (movie_id, position, title) SELECT 1, $1::int, 'x'`, movie.MaxListValues, movie.Movie{Title: "x", Akas: list(movie.MaxListValues)}},
		{"akas too many", `INSERT INTO akas (movie_id, position, title) SELECT 1, $1::int, 'x'`, movie.MaxListValues + 1, movie.Movie{Title: "x", Akas: list(movie.MaxListValues + 1)}},
		{"name", `INSERT INTO people (name) VALUES ($1)`, text(movie.MaxName), movie.Movie{Title: "x", Cast: []string{text(movie.MaxName)}}},
		{"name too long", `INSERT INTO people (name) VALUES ($1)`, text(movie.MaxName + 1), movie.Movie{Title: "x", Cast: []string{text(movie.MaxName + 1)}}},
		{"name blank", `INSERT INTO people (name) VALUES ($1)`, "\u00a0", movie.Movie{Title: "x", Cast: []string{"\u00a0"}}},
		{"genre", `INSERT INTO genres (name) VALUES ($1)`, text(movie.MaxName), movie.Movie{Title: "x", Genres: []string{text(movie.MaxName)}}},
		{"genre too long", `INSERT INTO genres (name) VALUES ($1)`, text(movie.MaxName + 1), movie.Movie{Title: "x", Genres: []string{text(movie.MaxName + 1)}}},
		{"keyword", `INSERT INTO keywords (name) VALUES ($1)`, text(movie.MaxName), movie.Movie{Title: "x", Keywords: []string{text(movie.MaxName)}}},
		{"keyword blank", `INSERT INTO keywords (name) VALUES ($1)`, "", movie.Movie{Title: "x", Keywords: []string{""}}},
		{"role", `INSERT INTO credits (movie_id, person_id, role) VALUES (1, 1, $1)`, "cast", movie.Movie{Title: "x", People: []movie.Credit{{ID: 1, Name: "P", Role: "cast"}}}},
		{"role unknown", `INSERT INTO credits (movie_id, person_id, role) VALUES (1, 1, $1)`, "grip", movie.Movie{Title: "x", People: []movie.Credit{{ID: 1, Name: "P", Role: "grip"}}}},
		{"person id", `INSERT INTO people (id, name) VALUES ($1, 'x')`, -1, movie.Movie{Title: "x", People: []movie.Credit{{ID: -1, Name: "P", Role: "cast"}}}},
	} {
		_, err := conn.Exec(t.Context(), c.sql, c.value)
		var pgErr *pgconn.PgError
		if err != nil && (!errors.As(err, &pgErr) || pgErr.Code != "23514") {
			t.Errorf("%s: %v, want a check violation or none", c.name, err)
			continue
		}
		if valid := c.movie.Validate() == nil; valid != (err == nil) {
			t.Errorf("%s: Validate says %v, Postgres says %v", c.name, c.movie.Validate(), err)
		}
	}
	for _, sql := range []string{`INSERT INTO movies (title, languages) VALUES ('x', ARRAY[NULL])`, `INSERT INTO movies (title, languages) VALUES ('x', '{{a},{b}}')`} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was accepted, but is no list", sql)
		}
	}
}

func TestBlankIsTheSameToGoAndToPostgres(t *testing.T) {
	t.Parallel()
	conn := connect(t, newDatabase(t))
	spaces := []rune("\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2005\u200a\u200b\u2028\u2029\u202f\u205f\u3000\u180e\ufeff\x1fx")
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(spaces), rapid.Rune().Filter(func(c rune) bool { return c != 0 })), 0, 3, -1).Draw(r, "s")
		if got, want := queryOne[bool](t, conn, `SELECT is_blank($1)`, s), strings.TrimSpace(s) == ""; got != want {
			r.Fatalf("%q: Postgres says %v, Go says %v", s, got, want)
		}
	})
}
