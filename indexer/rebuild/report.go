package rebuild

import (
	"encoding/json"
	"fmt"
	"io"

	"movies/internal/progress"
)

// reporter tells the operator what happens.
type reporter struct {
	out  io.Writer
	json bool
}

// line says one thing.
func (r reporter) line(format string, args ...any) {
	if r.out == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if r.json {
		_ = json.NewEncoder(r.out).Encode(map[string]string{"message": text}) // telling never fails the work
		return
	}
	_, _ = fmt.Fprintln(r.out, text)
}

// start begins to show a piece of work.
func (r reporter) start(name, unit string, done, total int64) *progress.Bar {
	out := r.out
	if out == nil {
		out = io.Discard
	}
	return progress.Start(out, progress.Options{Name: name, Unit: unit, JSON: r.json, Done: done, Total: total})
}
