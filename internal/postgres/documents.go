package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

// selectDocuments assembles movies in one statement, and so in one snapshot, as
// readers see them; selectStored, as they are stored, without users' ratings.
const (
	selectDocuments = documentHead + mixedFigures + documentTail
	selectStored    = documentHead + storedFigures + documentTail
)

// Readers see the mean over the imported votes and the users' ratings, and the
// number of both. An imported rating without votes counts as one vote.
const (
	storedFigures = `coalesce(m.rating, 0), m.votes`
	mixedFigures  = `CASE WHEN coalesce(t.votes, 0) = 0 THEN coalesce(m.rating, 0)
		WHEN m.rating IS NULL THEN round(t.tenths / 10.0 / t.votes, 2)::double precision
		ELSE round(((m.rating * greatest(m.votes, 1) + t.tenths / 10.0) / (greatest(m.votes, 1) + t.votes))::numeric, 2)::double precision END,
	m.votes + coalesce(t.votes, 0)`
)

const documentHead = `
SELECT m.id, coalesce(m.imdb_id, ''), m.title, coalesce(m.original_title, ''), coalesce(m.year, 0), m.release_date,
	coalesce(m.runtime, 0), coalesce(m.overview, ''), `

const documentTail = `, coalesce(m.popularity, 0),
	coalesce(m.poster_url, ''), m.adult, m.languages::text[], m.countries::text[], m.characters::text[], m.revision,
	ARRAY(SELECT title FROM akas WHERE movie_id = m.id ORDER BY position),
	ARRAY(SELECT name::text FROM movie_genres JOIN genres ON genres.id = genre_id WHERE movie_id = m.id ORDER BY position),
	ARRAY(SELECT name::text FROM movie_keywords JOIN keywords ON keywords.id = keyword_id WHERE movie_id = m.id ORDER BY position),
	c.ids, c.names, c.roles
FROM movies m LEFT JOIN rating_totals t ON t.movie_id = m.id, LATERAL (
	SELECT array_agg(person_id) AS ids, array_agg(name::text) AS names, array_agg(role) AS roles FROM (
		SELECT person_id, name, role FROM credits JOIN people ON people.id = person_id
		WHERE movie_id = m.id ORDER BY role, position) AS ordered) AS c
`

// Documents returns the movies with the given ids, complete and as of one
// snapshot, in the order of ids. Ids without a movie are left out.
func Documents(ctx context.Context, q Querier, ids []int64) ([]movie.Movie, error) {
	return queryDocuments(ctx, q, selectDocuments+`WHERE m.id = ANY ($1) ORDER BY m.id`, ids)
}

// Range returns up to limit movies with ids above afterID as they are stored,
// without users' ratings, in the order of ids.
func Range(ctx context.Context, q Querier, afterID int64, limit int) ([]movie.Movie, error) {
	return queryDocuments(ctx, q, selectStored+`WHERE m.id > $1 ORDER BY m.id LIMIT $2`, afterID, limit)
}

func queryDocuments(ctx context.Context, q Querier, sql string, args ...any) ([]movie.Movie, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err == nil {
		var movies []movie.Movie
		if movies, err = pgx.CollectRows(rows, scanDocument); err == nil {
			return movies, nil
		}
	}
	return nil, fmt.Errorf("read movies: %w", err)
}

func scanDocument(row pgx.CollectableRow) (movie.Movie, error) {
	var (
		m            movie.Movie
		released     *time.Time
		people       []int64
		names, roles []string
	)
	err := row.Scan(&m.ID, &m.IMDbID, &m.Title, &m.OriginalTitle, &m.Year, &released, &m.Runtime, &m.Overview, &m.Rating,
		&m.Votes, &m.Popularity, &m.PosterURL, &m.Adult, &m.Languages, &m.Countries, &m.Characters, &m.Revision,
		&m.Akas, &m.Genres, &m.Keywords, &people, &names, &roles)
	if err != nil {
		return m, err
	}
	if released != nil {
		m.ReleaseDate = released.Format(time.DateOnly)
	}
	for _, list := range []struct {
		role  movie.Role
		names *[]string
	}{{movie.RoleDirector, &m.Directors}, {movie.RoleCast, &m.Cast}} {
		for i := range people {
			if roles[i] == string(list.role) {
				m.People = append(m.People, movie.Credit{ID: people[i], Name: names[i], Role: list.role})
				*list.names = append(*list.names, names[i])
			}
		}
	}
	return m, nil
}
