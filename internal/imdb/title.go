package imdb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"movies/internal/movie"
)

// movie puts together what all files say about the title on the current line. An
// error of kind movie.ErrInvalid means that the title cannot be used.
func (r *Reader) movie() (*movie.Movie, error) {
	m, invalid := r.basics()
	// The others are read even so: their problems are told in one run.
	err := errors.Join(
		r.ratings.each(r.titles.key, func() error { return r.rating(m) }, r.tell),
		r.akas.each(r.titles.key, func() error { r.aka(m); return nil }, r.tell),
		r.crew.each(r.titles.key, func() error { return r.directors(m) }, r.tell),
		r.principals.each(r.titles.key, func() error { return r.cast(m) }, r.tell),
	)
	if err != nil {
		return nil, err
	}
	if invalid != nil {
		return nil, invalid
	}
	people := m.People
	m.People = nil
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if len(people) > movie.MaxListValues {
		return nil, movie.Invalid("people", fmt.Sprintf("has %d entries, at most %d are allowed", len(people), movie.MaxListValues))
	}
	m.People = people
	return m, nil
}

// basics reads the title's own line.
func (r *Reader) basics() (*movie.Movie, error) {
	t := r.titles
	m := &movie.Movie{IMDbID: string(t.key), Title: t.string(2), OriginalTitle: t.string(3), Adult: t.string(4) == "1", Genres: t.list(8)}
	if m.OriginalTitle == m.Title {
		m.OriginalTitle = ""
	}
	year, badYear := t.integer(5)
	runtime, badRuntime := t.integer(7)
	m.Year, m.Runtime = int(year), int(runtime)
	return m, cmp.Or(badYear, badRuntime)
}

func (r *Reader) rating(m *movie.Movie) error {
	t := r.ratings
	votes, err := t.integer(2)
	if err != nil {
		return err
	}
	mean, err := strconv.ParseFloat(t.string(1), 64)
	if err != nil || math.IsNaN(mean) || mean < 0 || mean > movie.MaxRating || votes < 0 {
		return movie.Invalid("averageRating", fmt.Sprintf("must be from 0 to %d, of votes that are not negative; not %q of %q", movie.MaxRating, t.fields[1], t.fields[2]))
	}
	m.Rating, m.Votes = mean, votes
	return nil
}

// aka adds a title that the movie does not have yet.
func (r *Reader) aka(m *movie.Movie) {
	if aka := strings.TrimSpace(r.akas.string(2)); aka != "" && aka != m.Title && aka != m.OriginalTitle && !slices.Contains(m.Akas, aka) {
		m.Akas = append(m.Akas, aka)
	}
}

func (r *Reader) directors(m *movie.Movie) error {
	for _, id := range r.crew.list(1) {
		if err := r.credit(m, id, movie.RoleDirector); errors.Is(err, movie.ErrInvalid) {
			r.tell(r.crew.table, err) // the others count
		} else if err != nil {
			return err
		}
	}
	return nil
}

// cast reads one of the principals, who are in billing order.
func (r *Reader) cast(m *movie.Movie) error {
	t := r.principals
	switch t.string(3) {
	case "actor", "actress", "self":
	default:
		return nil
	}
	if err := r.credit(m, t.string(2), movie.RoleCast); err != nil || !t.known(5) {
		return err
	}
	var characters []string
	if err := json.Unmarshal(t.fields[5], &characters); err != nil {
		return movie.Invalid("characters", fmt.Sprintf(`must be a JSON list of texts or \N, not %q`, t.fields[5]))
	}
	for _, c := range characters {
		if strings.TrimSpace(c) != "" {
			m.Characters = append(m.Characters, c)
		}
	}
	return nil
}

// credit adds a person, whose name has to be known.
func (r *Reader) credit(m *movie.Movie, id string, role movie.Role) error {
	name, err := r.names.find(id)
	if err != nil {
		return err
	}
	if name == "" {
		return movie.Invalid("nconst", fmt.Sprintf("%q is not in name.basics.tsv.gz", id))
	}
	m.People = append(m.People, movie.Credit{IMDbID: id, Name: name, Role: role})
	return nil
}
