package movie

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Parse reads one movie from its JSON form and validates it. It is strict: one
// object, only known fields, valid UTF-8. What is wrong comes back as an error of
// kind ErrInvalid that names the field, or the column (in bytes, from 1) where
// the text is not JSON.
func Parse(text []byte) (Movie, error) {
	var m Movie
	if !utf8.Valid(text) {
		return m, Invalid("text", fmt.Sprintf("is not valid UTF-8 at column %d", invalidUTF8(text)+1))
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] != '{' {
		return m, Invalid("text", `must be a JSON object such as {"title":"Solaris"}`)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Movie{}, explain(err, text)
	}
	if rest := bytes.TrimSpace(text[d.InputOffset():]); len(rest) > 0 {
		return Movie{}, Invalid("text", fmt.Sprintf("goes on after the JSON object, at column %d", d.InputOffset()+1))
	}
	if err := m.Validate(); err != nil {
		return Movie{}, err
	}
	return m, nil
}

// invalidUTF8 is the offset of the first byte that is not UTF-8.
func invalidUTF8(text []byte) int {
	offset := 0
	for {
		r, size := utf8.DecodeRune(text[offset:])
		if r == utf8.RuneError && size <= 1 {
			return offset
		}
		offset += size
	}
}

// explain turns an error of encoding/json into one that tells a person what to
// change.
func explain(err error, text []byte) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Invalid("text", fmt.Sprintf("is not JSON: it ends too early, at column %d", len(text)+1))
	case errors.As(err, &syntax):
		return Invalid("text", fmt.Sprintf("is not JSON: %s at column %d", syntax, max(syntax.Offset, 1)))
	case errors.As(err, &wrongType):
		return Invalid(wrongType.Field, fmt.Sprintf("must be %s, not %s", jsonType(wrongType.Type), wrongType.Value))
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		name = strings.Trim(name, `"`)
		return Invalid(name, fmt.Sprintf("is not a field of a movie; the nearest is %s", nearestField(name)))
	}
	return Invalid("text", "is not a movie: "+err.Error())
}

// jsonType names what a Go type is written as.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	}
	return "a string"
}
