package movie

import (
	"errors"
	"strings"
)

// The kinds of error that callers tell apart with errors.Is. Everything else is
// an internal error. One place, api/problem.go, turns kinds into HTTP statuses.
var (
	// ErrInvalid: the input is wrong and will stay wrong. See InvalidError.
	ErrInvalid = errors.New("invalid input")
	// ErrNotFound: there is no such movie, person or entry.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row's revision is not the one the caller saw, or a unique
	// value is taken.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable: a dependency is down or overloaded; the same call may
	// succeed later.
	ErrUnavailable = errors.New("temporarily unavailable")
)

// InvalidError is an ErrInvalid that names what is wrong.
type InvalidError struct{ Problems []FieldProblem }

// Error lists the problems on one line.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.Field + " " + p.Detail
	}
	return strings.Join(parts, "; ")
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Invalid is an InvalidError about a single field.
func Invalid(field, detail string) error {
	return &InvalidError{Problems: []FieldProblem{{Field: field, Detail: detail}}}
}
