package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5/pgconn"
)

// copyRows are rows of one table in the binary format of COPY, made field by
// field: several times as fast as from values of any type.
type copyRows struct{ b []byte }

// copyHeader is the signature, no flags and no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// row begins a row of so many fields.
func (r *copyRows) row(fields int) {
	if len(r.b) == 0 {
		r.b = append(r.b, copyHeader...)
	}
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(fields))
}

func (r *copyRows) empty() bool { return len(r.b) == 0 }

func (r *copyRows) null() { r.b = binary.BigEndian.AppendUint32(r.b, math.MaxUint32) }

func (r *copyRows) bigint(v int64) {
	r.b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(r.b, 8), uint64(v))
}

func (r *copyRows) integer(v int) {
	r.b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(r.b, 4), uint32(v))
}

func (r *copyRows) smallint(v int) {
	r.b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(r.b, 2), uint16(v))
}

func (r *copyRows) double(v float64) {
	r.b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(r.b, 8), math.Float64bits(v))
}

func (r *copyRows) boolean(v bool) {
	r.b = append(binary.BigEndian.AppendUint32(r.b, 1), 0)
	if v {
		r.b[len(r.b)-1] = 1
	}
}

func (r *copyRows) text(s string) {
	r.b = append(binary.BigEndian.AppendUint32(r.b, uint32(len(s))), s...)
}

func (r *copyRows) bytes(s []byte) {
	r.b = append(binary.BigEndian.AppendUint32(r.b, uint32(len(s))), s...)
}

// textOrNull, integerOrNull and doubleOrNull write the zero value as NULL.
func (r *copyRows) textOrNull(s string) {
	if s == "" {
		r.null()
		return
	}
	r.text(s)
}

func (r *copyRows) integerOrNull(v int) {
	if v == 0 {
		r.null()
		return
	}
	r.integer(v)
}

func (r *copyRows) doubleOrNull(v float64) {
	if v == 0 {
		r.null()
		return
	}
	r.double(v)
}

// array writes an array of values whose type has the given identifier.
func (r *copyRows) array(element uint32, values []string) {
	size := len(r.b)
	r.b = binary.BigEndian.AppendUint32(r.b, 0) // the size, known at the end
	dimensions := min(len(values), 1)
	for _, n := range []uint32{uint32(dimensions), 0, element} {
		r.b = binary.BigEndian.AppendUint32(r.b, n)
	}
	if dimensions > 0 {
		r.b = binary.BigEndian.AppendUint32(r.b, uint32(len(values)))
		r.b = binary.BigEndian.AppendUint32(r.b, 1) // the first index
	}
	for _, v := range values {
		r.text(v)
	}
	binary.BigEndian.PutUint32(r.b[size:], uint32(len(r.b)-size-4))
}

// copyInto writes the rows, if there are any, to "TABLE (COLUMNS)" and begins
// anew.
func (r *copyRows) copyInto(ctx context.Context, conn *pgconn.PgConn, target string) error {
	if r.empty() {
		return nil
	}
	r.b = append(r.b, 0xff, 0xff)
	_, err := conn.CopyFrom(ctx, bytes.NewReader(r.b), "COPY "+target+" FROM STDIN (FORMAT binary)")
	r.b = r.b[:0]
	if err != nil {
		return fmt.Errorf("copy into %.20s: %w", target, err)
	}
	return nil
}
