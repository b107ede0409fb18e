package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"movies/internal/movie"
)

// patchedMovie applies a merge patch (RFC 7396) to a movie and checks the result
// as strictly as a whole movie.
func patchedMovie(current movie.Movie, patch []byte) (movie.Movie, error) {
	changes, err := decodeObject(patch)
	if err != nil {
		return movie.Movie{}, err
	}
	_, people := changes["people"]
	_, directors := changes["directors"]
	_, cast := changes["cast"]
	if !people && (directors || cast) {
		// Names without ids: storage finds the people again that the movie has.
		current.People = nil
	}
	if people {
		current.Directors, current.Cast = nil, nil
	}
	whole, err := json.Marshal(current)
	if err != nil {
		return movie.Movie{}, err
	}
	target, err := decodeObject(whole)
	if err != nil {
		return movie.Movie{}, err
	}
	merged, err := json.Marshal(mergePatch(target, changes))
	if err != nil {
		return movie.Movie{}, err
	}
	return movie.Parse(merged)
}

// mergePatch is the MergePatch function of RFC 7396, section 2.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// decodeObject reads one JSON object and keeps its numbers as they are written:
// ids are larger than float64 is exact.
func decodeObject(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	err := d.Decode(&object)
	switch {
	case err != nil:
		return nil, movie.Invalid("text", fmt.Sprintf("is not a JSON object: %v", jsonReason(err)))
	case object == nil:
		return nil, movie.Invalid("text", "is not a JSON object but null")
	case d.More():
		return nil, movie.Invalid("text", "goes on after the JSON object")
	}
	return object, nil
}

// jsonReason says what is wrong without naming Go's types.
func jsonReason(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return "it is a " + kind.Value
	}
	return err.Error()
}
