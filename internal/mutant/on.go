//go:build mutants

package mutant

// present is the fault that is built in; a link flag may set it, too:
// -X movies/internal/mutant.present=NAME.
var present string

// On tells whether a fault is built in.
func On(f Fault) bool { return string(f) == present }

// Set builds a fault in, "" none. It must not be called while the service runs.
func Set(f Fault) { present = string(f) }
