// Package protocol holds the protocol of the way from the database to the search
// indices as a TLA+ model, Sync.tla, and a test that has TLC look at every state
// that the model can reach: as it is, where nothing may be found, and with each
// of the faults of package mutant built in, which must be found. It is run by
// make protocol, for it needs TLC, which comes inside a package of PyPI.
//
// The model is small enough to be read in a few minutes; package simulate runs
// the same promises on the service's own code.
package protocol
