package api

import (
	"net/url"
	"strconv"

	"movies/internal/movie"
)

// movieView is one movie's page.
type movieView struct {
	frame
	Movie movie.Movie
	// Facts stand under the title; Original is the other title shown beside it.
	Facts, Original, Rating, Votes string
	Poster                         poster
	Directors, Cast                []link
	Genres, Countries, Languages   []link
	Keywords                       []link
	Similar                        []card
}

func showMovie(m movie.Movie) movieView {
	v := movieView{
		Movie: m, Poster: drawPoster(m), Rating: rating(m), Votes: grouped(m.Votes),
		Directors: people(m, movie.RoleDirector, m.Directors), Cast: people(m, movie.RoleCast, m.Cast),
		Genres: browse("genre", m.Genres), Countries: browse("country", m.Countries),
		Languages: browse("language", m.Languages), Keywords: browse("keyword", m.Keywords),
	}
	if m.Runtime > 0 {
		v.Facts = runtime(m.Runtime)
	}
	if m.OriginalTitle != m.Title {
		v.Original = m.OriginalTitle
	}
	return v
}

// people lead to their own pages, by id where it is known: namesakes differ.
func people(m movie.Movie, role movie.Role, names []string) []link {
	var out []link
	for _, p := range m.People {
		if p.Role == role {
			out = append(out, link{p.Name, "/people/" + strconv.FormatInt(p.ID, 10)})
		}
	}
	if len(out) == 0 {
		return browse("person", names)
	}
	return out
}

// browse leads from values to the movies that have them.
func browse(parameter string, values []string) []link {
	var out []link
	for _, value := range values {
		out = append(out, link{value, "/?" + url.Values{parameter: {value}}.Encode()})
	}
	return out
}
