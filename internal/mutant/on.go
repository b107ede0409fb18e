//go:build mutants

package mutant

var present Fault

// On tells whether a fault is built in.
func On(f Fault) bool { return f == present }

// Set builds a fault in, "" none. It must not be called while the service runs.
func Set(f Fault) { present = f }
