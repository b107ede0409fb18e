// Package movie holds the words the whole service speaks: the movie itself, the
// change event that carries it, the version that orders changes, and the few
// kinds of error every part agrees on. It imports nothing but the standard
// library, so that everything else may import it.
package movie

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Movie is one film as it appears in JSONL files, in events and in API answers.
// Only Title is required. The zero value of an optional field means "unknown"
// and is left out of JSON.
type Movie struct {
	// ID is the movie's identity in Postgres and in search; positive.
	ID int64 `json:"id,omitempty"`
	// IMDbID is the title's identifier at IMDb: "tt" and seven or more digits.
	IMDbID        string `json:"imdb_id,omitempty"`
	Title         string `json:"title"`
	OriginalTitle string `json:"original_title,omitempty"`
	// Akas are the other titles the film is known by.
	Akas []string `json:"akas,omitempty"`
	// Year of first release, MinYear to MaxYear.
	Year int `json:"year,omitempty"`
	// ReleaseDate is an ISO 8601 calendar date, YYYY-MM-DD.
	ReleaseDate string `json:"release_date,omitempty"`
	// Runtime in minutes, up to MaxRuntime.
	Runtime   int      `json:"runtime,omitempty"`
	Genres    []string `json:"genres,omitempty"`
	Languages []string `json:"languages,omitempty"`
	Countries []string `json:"countries,omitempty"`
	Keywords  []string `json:"keywords,omitempty"`
	Overview  string   `json:"overview,omitempty"`
	Directors []string `json:"directors,omitempty"`
	// Cast is in billing order.
	Cast []string `json:"cast,omitempty"`
	// Characters is not parallel to Cast.
	Characters []string `json:"characters,omitempty"`
	// Rating is the mean of Votes votes, 0 to 10.
	Rating     float64 `json:"rating,omitempty"`
	Votes      int64   `json:"votes,omitempty"`
	Popularity float64 `json:"popularity,omitempty"`
	PosterURL  string  `json:"poster_url,omitempty"`
	Adult      bool    `json:"adult,omitempty"`
	// Revision counts the changes of the movie and of the rows it owns. It is
	// given out by Postgres and ignored on import.
	Revision int64 `json:"revision,omitempty"`
	// People tells namesakes apart: the ids behind Directors and Cast. Where it
	// is present on import it is authoritative, and Directors and Cast follow it.
	People []Credit `json:"people,omitempty"`
}

// Credit is one person's part in a movie.
type Credit struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	// IMDbID is the person's identifier at IMDb, where only that is known and not
	// yet the ID: on the way in, never in JSON.
	IMDbID string `json:"-"`
}

// Role is what a person did.
type Role string

// The roles a Credit can have.
const (
	RoleDirector Role = "director"
	RoleCast     Role = "cast"
)

// Bounds of what a movie may hold. They keep every event, all lists full, below
// the largest message of Kafka's topics (64 MiB), and every value below the limit
// of the engine's keyword fields.
const (
	MinYear       = 1870
	MaxYear       = 2100
	MaxRuntime    = 60_000
	MaxRating     = 10
	MaxTitle      = 1_000
	MaxOverview   = 20_000
	MaxName       = 500
	MaxListValues = 2_000
	MaxURL        = 2_000
)

// FieldProblem is one thing that is wrong with one field.
type FieldProblem struct {
	Field  string `json:"parameter"`
	Detail string `json:"detail"`
}

// Validate reports everything that is wrong with the movie as an error of kind
// ErrInvalid whose Problems name the JSON fields, or nil.
func (m *Movie) Validate() error {
	var v validator
	v.check(m.ID >= 0, "id", "must be a positive integer, not %d", m.ID)
	v.check(m.IMDbID == "" || ValidIMDbID(m.IMDbID), "imdb_id", `must be "tt" and 7 to 10 digits, not %q`, m.IMDbID)
	v.check(strings.TrimSpace(m.Title) != "", "title", "is required")
	v.text("title", m.Title, MaxTitle)
	v.text("original_title", m.OriginalTitle, MaxTitle)
	v.list("akas", m.Akas, MaxTitle)
	v.check(m.Year == 0 || m.Year >= MinYear && m.Year <= MaxYear, "year", "must be from %d to %d, not %d", MinYear, MaxYear, m.Year)
	if m.ReleaseDate != "" {
		d, err := time.Parse(time.DateOnly, m.ReleaseDate)
		v.check(err == nil && d.Year() >= MinYear && d.Year() <= MaxYear, "release_date", "must be a date such as 1999-03-31, not %q", m.ReleaseDate)
	}
	v.check(m.Runtime >= 0 && m.Runtime <= MaxRuntime, "runtime", "must be minutes from 0 to %d, not %d", MaxRuntime, m.Runtime)
	for name, values := range map[string][]string{
		"genres": m.Genres, "languages": m.Languages, "countries": m.Countries, "keywords": m.Keywords,
		"directors": m.Directors, "cast": m.Cast, "characters": m.Characters,
	} {
		v.list(name, values, MaxName)
	}
	v.text("overview", m.Overview, MaxOverview)
	v.check(m.Rating >= 0 && m.Rating <= MaxRating, "rating", "must be from 0 to %d, not %g", MaxRating, m.Rating)
	v.check(m.Votes >= 0, "votes", "must not be negative, was %d", m.Votes)
	v.check(m.Popularity >= 0 && m.Popularity < 1e12, "popularity", "must be from 0 to 1e12, not %g", m.Popularity)
	v.text("poster_url", m.PosterURL, MaxURL)
	v.check(m.PosterURL == "" || strings.HasPrefix(m.PosterURL, "https://") || strings.HasPrefix(m.PosterURL, "http://"),
		"poster_url", "must start with https:// or http://")
	v.check(len(m.People) <= MaxListValues, "people", "has %d entries, at most %d are allowed", len(m.People), MaxListValues)
	for i, p := range m.People {
		field := fmt.Sprintf("people[%d]", i)
		v.check(p.ID > 0, field+".id", "must be a positive integer, not %d", p.ID)
		v.check(strings.TrimSpace(p.Name) != "", field+".name", "is required")
		v.text(field+".name", p.Name, MaxName)
		v.check(p.Role == RoleDirector || p.Role == RoleCast, field+".role", `must be "director" or "cast", not %q`, p.Role)
	}
	return v.err()
}

// ValidIMDbID tells whether s has the form of an IMDb title id.
func ValidIMDbID(s string) bool {
	if !strings.HasPrefix(s, "tt") || len(s) < 9 || len(s) > 12 {
		return false
	}
	for _, r := range s[2:] {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// validator collects problems field by field.
type validator struct{ problems []FieldProblem }

func (v *validator) check(ok bool, field, format string, args ...any) {
	if !ok {
		v.problems = append(v.problems, FieldProblem{Field: field, Detail: fmt.Sprintf(format, args...)})
	}
}

func (v *validator) text(field, s string, limit int) {
	v.check(utf8.ValidString(s), field, "is not valid UTF-8")
	v.check(!strings.ContainsRune(s, 0), field, "must not contain the character U+0000")
	v.check(utf8.RuneCountInString(s) <= limit, field, "is longer than %d characters", limit)
}

func (v *validator) list(field string, values []string, limit int) {
	v.check(len(values) <= MaxListValues, field, "has %d values, at most %d are allowed", len(values), MaxListValues)
	for i, s := range values {
		name := fmt.Sprintf("%s[%d]", field, i)
		v.check(strings.TrimSpace(s) != "", name, "must not be empty")
		v.text(name, s, limit)
	}
}

func (v *validator) err() error {
	if len(v.problems) == 0 {
		return nil
	}
	return &InvalidError{Problems: v.problems}
}
