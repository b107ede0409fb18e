package postgres

import (
	"bytes"
	"fmt"
	"strconv"
)

// ChangeMessagePrefix is the prefix of the logical messages that carry changes;
// the number in it is the version of the format below. Messages with another
// prefix are none of ours.
const ChangeMessagePrefix = "movies.changes.v1"

// MaxChangeIDs is how many ids the triggers put into one message; a statement
// that touches more emits several messages in its transaction.
const MaxChangeIDs = 50_000

// ChangeMessage is what a statement changed, as its triggers wrote it to the WAL
// with pg_logical_emit_message. On the wire it is text:
//
//	<xid>:<id>,<id>,...
//
// where xid is pg_current_xact_id(), the full 64-bit id of the top-level
// transaction, and every id is a positive decimal number: bare for a movie, with
// p in front for a person, g for a genre, k for a keyword. For example
// "90217:12,950" and "90218:p42".
//
// A person, genre or keyword stands for every movie that shows its name. The
// writer does not expand it, because it cannot: a credit that a concurrent
// transaction is just adding is invisible to it. The reader can, once the
// renaming transaction is visible; see [Affected].
type ChangeMessage struct {
	XID      uint64
	Movies   []int64
	People   []int64
	Genres   []int64
	Keywords []int64
}

// ParseChangeMessage reads the content of a message with ChangeMessagePrefix.
func ParseChangeMessage(content []byte) (ChangeMessage, error) {
	var m ChangeMessage
	head, list, found := bytes.Cut(content, []byte{':'})
	if !found {
		return m, fmt.Errorf("change message: no colon in %.40q", content)
	}
	xid, err := parseID(head)
	if err != nil {
		return m, fmt.Errorf("change message: transaction id: %w", err)
	}
	m.XID = uint64(xid)
	m.Movies = make([]int64, 0, bytes.Count(list, []byte{','})+1)
	for more := true; more; {
		var item []byte
		item, list, more = bytes.Cut(list, []byte{','})
		if err := m.add(item); err != nil {
			return ChangeMessage{}, fmt.Errorf("change message: %w", err)
		}
	}
	return m, nil
}

// add parses one item of the list.
func (m *ChangeMessage) add(item []byte) error {
	ids := &m.Movies
	if len(item) > 0 {
		switch item[0] {
		case 'p':
			ids, item = &m.People, item[1:]
		case 'g':
			ids, item = &m.Genres, item[1:]
		case 'k':
			ids, item = &m.Keywords, item[1:]
		}
	}
	id, err := parseID(item)
	if err != nil {
		return err
	}
	*ids = append(*ids, id)
	return nil
}

// parseID reads a positive decimal number in its only form: digits without a
// leading zero. It does not allocate.
func parseID(b []byte) (int64, error) {
	if len(b) == 0 || len(b) > 19 || b[0] == '0' {
		return 0, fmt.Errorf("%.40q is not a positive decimal number", b)
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%.40q is not a positive decimal number", b)
		}
		n = n*10 + uint64(c-'0')
	}
	if n > 1<<63-1 {
		return 0, fmt.Errorf("%s does not fit into 63 bits", b)
	}
	return int64(n), nil
}

// AppendChangeMessage appends the wire form of m to b and returns it, movies
// first. A message without any id has no wire form and appends nothing.
func AppendChangeMessage(b []byte, m ChangeMessage) []byte {
	if len(m.Movies)+len(m.People)+len(m.Genres)+len(m.Keywords) == 0 {
		return b
	}
	b = strconv.AppendUint(b, m.XID, 10)
	separator := byte(':')
	for _, list := range []struct {
		kind string
		ids  []int64
	}{{"", m.Movies}, {"p", m.People}, {"g", m.Genres}, {"k", m.Keywords}} {
		for _, id := range list.ids {
			b = append(append(b, separator), list.kind...)
			b = strconv.AppendInt(b, id, 10)
			separator = ','
		}
	}
	return b
}
