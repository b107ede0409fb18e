package movie_test

import (
	"errors"
	"strings"
	"testing"

	"movies/internal/movie"
)

func TestValidateNamesTheField(t *testing.T) {
	for field, m := range map[string]movie.Movie{
		"title":          {},
		"id":             {Title: "x", ID: -1},
		"imdb_id":        {Title: "x", IMDbID: "tt12"},
		"year":           {Title: "x", Year: 12},
		"release_date":   {Title: "x", ReleaseDate: "1999-02-30"},
		"runtime":        {Title: "x", Runtime: -3},
		"rating":         {Title: "x", Rating: 10.5},
		"votes":          {Title: "x", Votes: -1},
		"popularity":     {Title: "x", Popularity: -1},
		"poster_url":     {Title: "x", PosterURL: "javascript:alert(1)"},
		"genres[1]":      {Title: "x", Genres: []string{"Drama", " "}},
		"overview":       {Title: "x", Overview: strings.Repeat("é", movie.MaxOverview+1)},
		"people[0].role": {Title: "x", People: []movie.Credit{{ID: 1, Name: "A", Role: "grip"}}},
		"cast[0]":        {Title: "x", Cast: []string{"a\x00b"}},
	} {
		err := m.Validate()
		var invalid *movie.InvalidError
		if !errors.As(err, &invalid) || !errors.Is(err, movie.ErrInvalid) {
			t.Errorf("%s: got %v, want an InvalidError", field, err)
			continue
		}
		if len(invalid.Problems) != 1 || invalid.Problems[0].Field != field {
			t.Errorf("%s: got problems %v", field, invalid.Problems)
		}
	}
}

func TestValidateAcceptsTheLeastMovie(t *testing.T) {
	if err := (&movie.Movie{Title: "8½"}).Validate(); err != nil {
		t.Error(err)
	}
}
