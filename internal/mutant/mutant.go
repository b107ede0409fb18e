// Package mutant names faults that can be built into the service on purpose, to
// prove that the simulation of the whole path finds them. Without the build tag
// mutants no fault exists: On is a constant false, and what hangs on it is not
// compiled.
package mutant

// Fault is one of the ways in which the service would lose or revive changes.
type Fault string

// The faults.
const (
	// CommitBeforeFlush: offsets count as finished before the items are written.
	CommitBeforeFlush Fault = "commit before flush"
	// DroppedItem: an item that the cluster turns away is not tried again.
	DroppedItem Fault = "dropped failed item"
	// NoExternalVersion: documents are written without their version.
	NoExternalVersion Fault = "no external version"
	// TombstoneForgotten: an index forgets the versions of deletes while older
	// changes may still come.
	TombstoneForgotten Fault = "tombstone forgotten early"
	// ConfirmBeforeAck: an LSN is confirmed before Kafka has acknowledged it.
	ConfirmBeforeAck Fault = "LSN confirmed before the ack"
	// MessageLSN: a commit is ordered by its first message.
	MessageLSN Fault = "ordered by message LSN"
	// StaleChunk: a chunk is stamped after it was read, with the current LSN.
	StaleChunk Fault = "stale chunk stamped with the current LSN"
	// SwapBeforeCatchUp: an index is put in place before it has what the old one had.
	SwapBeforeCatchUp Fault = "swapped before catch-up"
	// ExpiryForgotten: a rebuild leaves the engine to forget deletes when it likes,
	// and does not apply those seen during the backfill again.
	ExpiryForgotten Fault = "tombstones' expiry forgotten"
	// SentBehindNewer: a change is tried again although a newer one is under way.
	SentBehindNewer Fault = "older change sent behind a newer one"
)

// All lists every fault.
var All = []Fault{
	CommitBeforeFlush, DroppedItem, NoExternalVersion, TombstoneForgotten,
	ConfirmBeforeAck, MessageLSN, StaleChunk, SwapBeforeCatchUp, ExpiryForgotten, SentBehindNewer,
}
