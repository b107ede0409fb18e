package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"movies/internal/movie"
	"movies/internal/postgres"
)

const completeMovie = `
INSERT INTO movies (id, imdb_id, title, original_title, year, release_date, runtime, overview, rating, votes, popularity, poster_url, adult,
	languages, countries, characters)
VALUES (7, 'tt0078748', 'Alien', 'Alien!', 1979, '1979-05-25', 117, 'In space.', 8.5, 900000, 61.5, 'https://example.org/a.jpg', true,
	'{English,Español}', '{United Kingdom}', '{Ripley,"The \"Alien\""}');
INSERT INTO people (id, name) VALUES (1, 'Same Name'), (2, 'Same Name'), (3, 'Director');
INSERT INTO credits (movie_id, person_id, role, position) VALUES (7, 2, 'cast', 1), (7, 3, 'director', 1), (7, 1, 'cast', 9), (7, 3, 'cast', 4);
INSERT INTO akas (movie_id, position, title) VALUES (7, 5, 'b'), (7, 2, 'a');
INSERT INTO genres (id, name) VALUES (1, 'Horror'), (2, 'horror');
INSERT INTO movie_genres (movie_id, genre_id) VALUES (7, 2), (7, 1);
INSERT INTO keywords (name) VALUES ('space');
INSERT INTO movie_keywords (movie_id, keyword_id) VALUES (7, 1);
INSERT INTO movies (id, title) VALUES (3, 'least')`

func TestDocumentsAreComplete(t *testing.T) {
	t.Parallel()
	_, conn := newCatalog(t)
	exec(t, conn, completeMovie)
	want := []movie.Movie{{ID: 3, Title: "least", Revision: 1}, {
		ID: 7, IMDbID: "tt0078748", Title: "Alien", OriginalTitle: "Alien!", Akas: []string{"a", "b"}, Year: 1979, ReleaseDate: "1979-05-25",
		Runtime: 117, Genres: []string{"horror", "Horror"}, Languages: []string{"English", "Español"}, Countries: []string{"United Kingdom"},
		Keywords: []string{"space"}, Overview: "In space.", Directors: []string{"Director"}, Cast: []string{"Same Name", "Director", "Same Name"},
		Characters: []string{"Ripley", `The "Alien"`}, Rating: 8.5, Votes: 900000, Popularity: 61.5, PosterURL: "https://example.org/a.jpg",
		Adult: true, Revision: 1, People: []movie.Credit{
			{ID: 3, Name: "Director", Role: movie.RoleDirector}, {ID: 2, Name: "Same Name", Role: movie.RoleCast},
			{ID: 3, Name: "Director", Role: movie.RoleCast}, {ID: 1, Name: "Same Name", Role: movie.RoleCast},
		},
	}}
	got, err := postgres.Documents(t.Context(), conn, []int64{7, 1000, 3, 7})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got, err := postgres.Documents(t.Context(), conn, []int64{1000}); len(got) != 0 || err != nil {
		t.Errorf("of no movie: %v, %v", got, err)
	}
}

func TestRangeReachesEveryMovieOnce(t *testing.T) {
	t.Parallel()
	_, conn := newCatalog(t)
	exec(t, conn, `INSERT INTO movies (id, title) SELECT n * n, 'm' FROM generate_series(1, 100) AS n`)
	var after, n int64
	for {
		movies, err := postgres.Range(t.Context(), conn, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range movies {
			if n++; m.ID != n*n {
				t.Fatalf("movie %d came as number %d", m.ID, n)
			}
			after = m.ID
		}
		if len(movies) < 7 {
			break
		}
	}
	if n != 100 {
		t.Errorf("%d of 100 movies", n)
	}
}
