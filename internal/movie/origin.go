package movie

import (
	"fmt"
	"strconv"
	"strings"
)

// Origin says where commits come from: which incarnation of the database, and
// what is known about the changes before the first one captured.
type Origin struct {
	// SystemID and Timeline identify the history that LSNs belong to. A failover
	// or a restore changes the timeline, a new or reloaded cluster the system id.
	SystemID string
	Timeline int
	// WALEnd is the server's WAL position when capture began, Start that of the
	// first commit that may be delivered.
	WALEnd uint64
	Start  uint64
	// Fresh: capture starts now, and what was committed before is not in it.
	Fresh bool
	// Lost says why an earlier capture could not be continued; empty when there
	// was none to continue, or it was continued.
	Lost string
}

// FormatLSN writes a WAL position as Postgres does, such as 1A/2B3C4D5E.
func FormatLSN(lsn uint64) string {
	return fmt.Sprintf("%X/%X", lsn>>32, lsn&0xFFFFFFFF)
}

// ParseLSN reads what FormatLSN and Postgres write.
func ParseLSN(s string) (uint64, error) {
	high, low, _ := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is not a WAL position such as 1A/2B3C4D5E", s)
	}
	return h<<32 | l, nil
}

// CaptureHealth is how far capture is behind, and how near to losing its place.
type CaptureHealth struct {
	// Status is the server's word for the WAL kept for capture: reserved,
	// extended, unreserved or lost; or missing.
	Status string
	// LagBytes is the WAL written since the last confirmed position.
	LagBytes int64
	// RetainedBytes is the WAL kept on disk for capture.
	RetainedBytes int64
	// SafeBytes is how much more WAL can be written before capture may lose its
	// place; negative when it already may, and MaxInt64 when there is no bound.
	SafeBytes int64
}
