package postgres

import (
	"context"
	"fmt"
	"slices"
)

// Affected returns the ids of all movies that the changes touch, ascending and
// without repetition: the movies they name and those that show a named person,
// genre or keyword.
//
// Call it after the transactions that sent the messages have become visible on
// q's server, and before commits behind them are read. Then nothing is missed:
// a credit committed before the rename is found here, or its document is read
// later than this and shows the new name anyway; a credit committed after the
// rename has a message of its own, whose document is read later than this.
func Affected(ctx context.Context, q Querier, changes ...ChangeMessage) ([]int64, error) {
	var movies, people, genres, keywords []int64
	for _, c := range changes {
		movies = append(movies, c.Movies...)
		people = append(people, c.People...)
		genres = append(genres, c.Genres...)
		keywords = append(keywords, c.Keywords...)
	}
	for _, owner := range []struct {
		ids   []int64
		query string
	}{
		{people, `SELECT DISTINCT movie_id FROM credits WHERE person_id = ANY($1)`},
		{genres, `SELECT DISTINCT movie_id FROM movie_genres WHERE genre_id = ANY($1)`},
		{keywords, `SELECT DISTINCT movie_id FROM movie_keywords WHERE keyword_id = ANY($1)`},
	} {
		if len(owner.ids) == 0 {
			continue
		}
		more, err := queryIDs(ctx, q, owner.query, owner.ids)
		if err != nil {
			return nil, fmt.Errorf("find the movies of a renamed person, genre or keyword: %w", err)
		}
		movies = append(movies, more...)
	}
	slices.Sort(movies)
	return slices.Compact(movies), nil
}
