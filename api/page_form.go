package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"movies/internal/movie"
)

// editField is one control of the editors' form.
type editField struct {
	// Name is the movie's JSON name; Kind one of text, number, date, url, prose,
	// lines (a value on each), flag.
	Name, Kind, Label, Hint string
	Least, Most, Step       string // of a number
	Value                   string
	// Problem says what is wrong with the value.
	Problem string
	// Now is what is stored, where that Differs from the value.
	Now     string
	Differs bool
}

// editFields are the controls in the order of the form: all that an editor may
// change of a movie.
var editFields = []editField{
	{Name: "title", Kind: "text", Label: "Title"},
	{Name: "original_title", Kind: "text", Label: "Original title", Hint: "where it is another one"},
	{Name: "year", Kind: "number", Label: "Year", Least: itoa(movie.MinYear), Most: itoa(movie.MaxYear)},
	{Name: "release_date", Kind: "date", Label: "Released"},
	{Name: "runtime", Kind: "number", Label: "Minutes", Least: "0", Most: itoa(movie.MaxRuntime)},
	{Name: "imdb_id", Kind: "text", Label: "IMDb id", Hint: "such as tt0133093"},
	{Name: "overview", Kind: "prose", Label: "Overview"},
	{Name: "genres", Kind: "lines", Label: "Genres"},
	{Name: "directors", Kind: "lines", Label: "Directors"},
	{Name: "cast", Kind: "lines", Label: "Cast", Hint: "in billing order"},
	{Name: "characters", Kind: "lines", Label: "Characters"},
	{Name: "countries", Kind: "lines", Label: "Countries"},
	{Name: "languages", Kind: "lines", Label: "Languages"},
	{Name: "keywords", Kind: "lines", Label: "Keywords"},
	{Name: "akas", Kind: "lines", Label: "Other titles"},
	{Name: "poster_url", Kind: "url", Label: "Address of the poster"},
	{Name: "rating", Kind: "number", Label: "Rating", Hint: "0 to 10, of the votes", Least: "0", Most: itoa(movie.MaxRating), Step: "any"},
	{Name: "votes", Kind: "number", Label: "Votes", Least: "0"},
	{Name: "popularity", Kind: "number", Label: "Popularity", Least: "0", Step: "any"},
	{Name: "adult", Kind: "flag", Label: "For adults only"},
}

// fieldsOf are the controls with the values of a form.
func fieldsOf(form url.Values) []editField {
	out := append([]editField(nil), editFields...)
	for i := range out {
		out[i].Value = typed(out[i], form)
	}
	return out
}

// typed is a control's value without what a browser or a hand adds to it.
func typed(f editField, form url.Values) string {
	value := strings.TrimSpace(strings.ReplaceAll(form.Get(f.Name), "\r\n", "\n"))
	if f.Kind != "lines" {
		return value
	}
	var lines []string
	for line := range strings.SplitSeq(value, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// formOf is a movie as the form shows it.
func formOf(m movie.Movie) url.Values {
	form := url.Values{}
	text, _ := json.Marshal(m) // of numbers and strings only
	object, _ := decodeObject(text)
	for _, f := range editFields {
		switch v := object[f.Name].(type) {
		case nil:
		case []any:
			lines := make([]string, len(v))
			for i := range v {
				lines[i] = fmt.Sprint(v[i])
			}
			form.Set(f.Name, strings.Join(lines, "\n"))
		default:
			form.Set(f.Name, fmt.Sprint(v))
		}
	}
	return form
}

// typedMovie is the movie with what the form changes of it. What the form shows as
// it was, people who share a name among it, stays as it is.
func typedMovie(current movie.Movie, form url.Values) (movie.Movie, error) {
	before := formOf(current)
	changes := map[string]any{}
	var wrong []movie.FieldProblem
	for _, f := range editFields {
		value := typed(f, form)
		if value == typed(f, before) {
			continue
		}
		if f.Kind == "number" && value != "" && !isNumber(value) {
			wrong = append(wrong, movie.FieldProblem{Field: f.Name, Detail: fmt.Sprintf("must be a number, not %q", value)})
			continue
		}
		changes[f.Name] = fieldValue(f, value)
	}
	patch, err := json.Marshal(changes)
	if err != nil {
		return movie.Movie{}, err
	}
	m, err := patchedMovie(current, patch)
	var invalid *movie.InvalidError
	switch {
	case errors.As(err, &invalid):
		err = &movie.InvalidError{Problems: append(wrong, invalid.Problems...)}
	case len(wrong) > 0:
		err = &movie.InvalidError{Problems: wrong}
	}
	return m, err
}

// fieldValue is a value as JSON; nil for what is unknown.
func fieldValue(f editField, value string) any {
	switch {
	case value == "":
		return nil
	case f.Kind == "lines":
		return strings.Split(value, "\n")
	case f.Kind == "flag":
		return value == "true"
	case f.Kind == "number":
		return json.Number(value)
	}
	return value
}

// isNumber tells whether text is a number as JSON writes them.
func isNumber(text string) bool {
	return strings.ContainsAny(text[:1], "-0123456789") && json.Valid([]byte(text))
}
