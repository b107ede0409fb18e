package movie

import (
	"fmt"
	"strconv"
)

// Version orders the states of a movie's document: the commit LSN of the change
// that produced it, with an epoch in the high bits. A document at version v
// contains every change to that movie committed at or before v. It is sent to
// the engine as the external version, which is a signed 64-bit number, so 63
// bits are usable: 12 of epoch above 51 of LSN (2 PiB of WAL in one epoch).
//
// In JSON it is a decimal string, for numbers above 2^53 do not survive
// JavaScript and some JSON parsers.
type Version int64

const (
	lsnBits  = 51
	maxLSN   = 1<<lsnBits - 1
	maxEpoch = 1<<(63-lsnBits) - 1
)

// NewVersion combines an epoch (1 to 4095) and a commit LSN (below 2^51). It
// reports values outside those ranges as an error rather than let versions
// wrap around and lose to older ones.
func NewVersion(epoch int, lsn uint64) (Version, error) {
	if epoch < 1 || epoch > maxEpoch {
		return 0, fmt.Errorf("version: epoch %d is outside 1 to %d", epoch, maxEpoch)
	}
	if lsn > maxLSN {
		return 0, fmt.Errorf("version: LSN %X is above %X", lsn, uint64(maxLSN))
	}
	return Version(int64(epoch)<<lsnBits | int64(lsn)), nil
}

// Epoch is the incarnation of the database the version comes from.
func (v Version) Epoch() int { return int(v >> lsnBits) }

// LSN is the commit's position in the WAL of its epoch, in bytes.
func (v Version) LSN() uint64 { return uint64(v) & maxLSN }

// String is the decimal form used in JSON.
func (v Version) String() string { return strconv.FormatInt(int64(v), 10) }

// MarshalText implements encoding.TextMarshaler.
func (v Version) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(v), 10), nil }

// UnmarshalText implements encoding.TextUnmarshaler; a version is positive.
func (v *Version) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("version: %q is not a positive decimal number below 2^63", b)
	}
	*v = Version(n)
	return nil
}
