package movie

import "time"

// Op is what an event does to a movie's document.
type Op string

// The operations. A delete is an event with a version, not a null tombstone: the
// version is what keeps a late, older write from bringing the movie back.
const (
	OpUpsert Op = "upsert"
	OpDelete Op = "delete"
)

// Event is one movie's state after a committed change, complete: the document is
// replaced, never patched. Events of one movie may be repeated and may arrive
// out of order; only the one with the highest Version counts.
type Event struct {
	ID      int64
	Op      Op
	Version Version
	// Movie is nil exactly when Op is OpDelete.
	Movie *Movie
	// CommittedAt is when Postgres committed the change, by its clock; zero when
	// unknown. Lag is measured from it.
	CommittedAt time.Time
	// TraceParent is the W3C trace context of the relay's span, or empty.
	TraceParent string
}

// Commit is one committed transaction as change capture reports it: which movies
// it touched and where it stands in the order of commits.
type Commit struct {
	// LSN of the commit record; the order of commits.
	LSN uint64
	// End is the LSN just behind the commit record: what to confirm once the
	// commit has been dealt with.
	End uint64
	// XID is the full 64-bit transaction id, for the visibility test; 0 when no
	// message of the transaction carried one.
	XID uint64
	// At is the commit's time by the database's clock.
	At time.Time
	// IDs of the touched movies, without repetition.
	IDs []int64
}
