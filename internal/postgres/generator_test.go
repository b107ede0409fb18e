package postgres_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"movies/internal/movie"
)

func sortByID(movies []movie.Movie) {
	slices.SortFunc(movies, func(a, b movie.Movie) int { return cmp.Compare(a.ID, b.ID) })
}

// anyMovie generates valid movies with an id, in all the strange forms there are.
func anyMovie() *rapid.Generator[movie.Movie] {
	text := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom([]rune(`a"\,{}'	éß字😀`)), rapid.Rune().Filter(func(c rune) bool { return c != 0 })), 1, 12, -1)
	name := text.Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
	names := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{"A", "B", "NULL"}), name), 0, 4)
	number := rapid.Float64Range(0, 10)
	return rapid.Custom(func(t *rapid.T) movie.Movie {
		m := movie.Movie{
			ID: rapid.Int64Range(1, 3_000).Draw(t, "id"), Title: name.Draw(t, "title"), Akas: names.Draw(t, "akas"), Genres: names.Draw(t, "genres"),
			Languages: names.Draw(t, "languages"), Countries: names.Draw(t, "countries"), Keywords: names.Draw(t, "keywords"),
			Directors: names.Draw(t, "directors"), Cast: names.Draw(t, "cast"), Characters: names.Draw(t, "characters"),
			Rating: number.Draw(t, "rating"), Popularity: number.Draw(t, "popularity"), Votes: rapid.Int64Range(0, 1<<62).Draw(t, "votes"),
			Adult: rapid.Bool().Draw(t, "adult"),
		}
		if rapid.Bool().Draw(t, "more") {
			m.IMDbID = fmt.Sprintf("tt%07d", m.ID)
			m.OriginalTitle, m.Overview = text.Draw(t, "original_title"), text.Draw(t, "overview")
			m.Year, m.Runtime = rapid.IntRange(movie.MinYear, movie.MaxYear).Draw(t, "year"), rapid.IntRange(0, movie.MaxRuntime).Draw(t, "runtime")
			m.ReleaseDate = fmt.Sprintf("%d-%02d-%02d", m.Year, rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day"))
			m.PosterURL = "https://example.org/" + text.Draw(t, "poster")
		}
		return m
	})
}
