package search

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"math"

	"movies/internal/movie"
)

// Position is where a page ended: all that is needed to continue without any
// state on a server. A result set ordered by a field continues behind the sort
// values of the last item. A ranked one first shows its window, the best
// candidates reordered by the ranker, and remembers which were shown; then it
// shows everything else that matches in an order that no write to another movie
// can disturb, without the shown ones. So whatever is written meanwhile, a movie
// whose own sort key is unchanged is neither repeated nor skipped.
type Position struct {
	// Step is the relaxation at which the first page was answered; later pages
	// stay with it.
	Step uint8
	// Shown are the movies of the ranked window already given out.
	Shown []int64
	// After are the sort values of the last item, or empty while inside the
	// window. An element is a float64, an int64 or a string.
	After []any
}

// Bounds of a cursor: what an honest one can hold.
const (
	// MaxCursor is the most bytes one has in a URL.
	MaxCursor = 8 << 10
	maxShown  = 1_000
	maxAfter  = 4
)

const cursorVersion = 1

// The kinds of value in After.
const (
	kindFloat  = 'f'
	kindInt    = 'i'
	kindString = 's'
)

// CursorAt is the opaque cursor of a position in the answer to the normalised
// request: base64url of a version, the question's fingerprint, the position and a
// checksum.
func (r Request) CursorAt(p Position) string {
	b := []byte{cursorVersion}
	b = binary.BigEndian.AppendUint64(b, r.fingerprint())
	b = append(b, p.Step)
	b = binary.AppendUvarint(b, uint64(len(p.Shown)))
	for _, id := range p.Shown {
		b = binary.AppendUvarint(b, uint64(id))
	}
	b = binary.AppendUvarint(b, uint64(len(p.After)))
	for _, v := range p.After {
		b = appendValue(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Position decodes the request's cursor; without one it is the beginning. A
// cursor that is damaged, or that continues another question than this
// normalised one, is an ErrInvalid about the parameter "cursor".
func (r Request) Position() (Position, error) {
	if r.Cursor == "" {
		return Position{}, nil
	}
	if len(r.Cursor) > MaxCursor {
		return Position{}, errDamaged
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(r.Cursor)
	if err != nil || len(b) < 1+8+1+1+1+4 || b[0] != cursorVersion {
		return Position{}, errDamaged
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(sum) {
		return Position{}, errDamaged
	}
	if binary.BigEndian.Uint64(body[1:]) != r.fingerprint() {
		return Position{}, movie.Invalid("cursor", "belongs to another question: q, filters and sort must stay as they were")
	}
	d := decoder{b: body[9:]}
	p := d.position()
	if d.failed || len(d.b) > 0 {
		return Position{}, errDamaged
	}
	return p, nil
}

var errDamaged = movie.Invalid("cursor", "is damaged: use next_cursor of an answer as it is")

// fingerprint tells questions apart.
func (r Request) fingerprint() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.question()))
	return h.Sum64()
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case float64:
		return binary.BigEndian.AppendUint64(append(b, kindFloat), math.Float64bits(v))
	case int64:
		return binary.AppendVarint(append(b, kindInt), v)
	case string:
		b = binary.AppendUvarint(append(b, kindString), uint64(len(v)))
		return append(b, v...)
	}
	panic("search: a sort value is a float64, an int64 or a string")
}

// decoder reads a cursor; after a failure it returns zero values.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) position() Position {
	p := Position{Step: d.byte()}
	for range d.count(maxShown) {
		p.Shown = append(p.Shown, int64(d.uvarint()))
	}
	for range d.count(maxAfter) {
		p.After = append(p.After, d.value())
	}
	return p
}

func (d *decoder) value() any {
	switch d.byte() {
	case kindFloat:
		if len(d.b) >= 8 {
			f := math.Float64frombits(binary.BigEndian.Uint64(d.b))
			d.b, d.failed = d.b[8:], d.failed || math.IsNaN(f)
			return f
		}
	case kindInt:
		v, n := binary.Varint(d.b)
		if n > 0 {
			d.b = d.b[n:]
			return v
		}
	case kindString:
		if n := d.uvarint(); n <= uint64(len(d.b)) {
			s := string(d.b[:n])
			d.b = d.b[n:]
			return s
		}
	}
	d.failed = true
	return nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.failed = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > math.MaxInt64 {
		d.failed = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) count(limit uint64) uint64 {
	n := d.uvarint()
	if n > limit {
		d.failed = true
	}
	if d.failed {
		return 0
	}
	return n
}
