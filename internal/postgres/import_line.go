package postgres

import (
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"time"

	"movies/internal/movie"
)

// importKey identifies what a line without an id says by its title, year and
// directors.
func importKey(m *movie.Movie) []byte {
	directors := m.Directors
	if len(m.People) > 0 {
		directors = nil
		for _, p := range m.People {
			if p.Role == movie.RoleDirector {
				directors = append(directors, p.Name)
			}
		}
	}
	text, err := json.Marshal([]any{m.Title, m.Year, directors})
	if err != nil {
		panic(err) // strings and numbers: cannot fail
	}
	sum := sha256.Sum256(text)
	return sum[:16]
}

// identities are what makes two lines be about one movie.
func (l *importLine) identities() []string {
	var names []string
	if l.movie.ID != 0 {
		names = append(names, strconv.FormatInt(l.movie.ID, 10))
	}
	if l.movie.IMDbID != "" {
		names = append(names, l.movie.IMDbID)
	}
	if l.key != nil {
		names = append(names, string(l.key))
	}
	return names
}

// row is the line as a row of import_lines.
func (l *importLine) row() []any {
	m := &l.movie
	var released *time.Time
	if d, err := time.Parse(time.DateOnly, m.ReleaseDate); err == nil {
		released = &d
	}
	p := creditsOf(m)
	return []any{
		l.number, orNull(m.ID), orNull(m.IMDbID), l.key, m.Title, orNull(m.OriginalTitle), orNull(m.Year), released,
		orNull(m.Runtime), orNull(m.Overview), orNull(m.Rating), m.Votes, orNull(m.Popularity), orNull(m.PosterURL), m.Adult,
		list(m.Languages), list(m.Countries), list(m.Characters), list(m.Akas), list(m.Genres), list(m.Keywords),
		p.ids, p.keys, p.names, p.roles, p.positions,
	}
}

// credits of a movie as parallel columns: directors before cast, each in order.
type credits struct {
	ids       []*int64  // nil where it is not known
	keys      []*string // identifiers at IMDb, nil where not known
	names     []string
	roles     []string
	positions []int16 // from 1 within a role
}

func creditsOf(m *movie.Movie) credits {
	c := credits{ids: []*int64{}, keys: []*string{}, names: []string{}, roles: []string{}, positions: []int16{}}
	for _, role := range []struct {
		role  movie.Role
		names []string
	}{{movie.RoleDirector, m.Directors}, {movie.RoleCast, m.Cast}} {
		first := len(c.ids)
		if len(m.People) == 0 {
			for _, name := range role.names {
				c.add(movie.Credit{Name: name, Role: role.role}, first)
			}
		}
		for _, p := range m.People {
			if p.Role == role.role {
				c.add(p, first)
			}
		}
	}
	return c
}

func (c *credits) add(p movie.Credit, first int) {
	c.ids = append(c.ids, orNull(p.ID))
	c.keys = append(c.keys, orNull(p.IMDbID))
	c.names = append(c.names, p.Name)
	c.roles = append(c.roles, string(p.Role))
	c.positions = append(c.positions, int16(len(c.ids)-first))
}

// orNull stores the zero value, "unknown", as NULL.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// list stores no values as an empty array.
func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
