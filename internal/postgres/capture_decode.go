package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pglogrepl"

	"movies/internal/movie"
	"movies/internal/mutant"
)

// decodedCommit is a commit whose shared rows are still to be turned into movies.
type decodedCommit struct {
	movie.Commit
	shared []ChangeMessage
}

// decoder gathers the messages between a transaction's begin and its commit. It
// keeps ids only, so that a transaction of millions of rows fits into memory.
type decoder struct {
	current   decodedCommit
	ours      bool // the transaction has sent a change message
	malformed func(error)
}

// decode takes one message of the pgoutput protocol, version 1, and gives the
// commit that it completes, if any. Transactions without change messages never
// complete one.
func (d *decoder) decode(data []byte) (c decodedCommit, complete bool, err error) {
	msg, err := pglogrepl.Parse(data)
	if err != nil {
		return c, false, err
	}
	switch m := msg.(type) {
	case *pglogrepl.BeginMessage:
		d.current, d.ours = decodedCommit{}, false
	case *pglogrepl.LogicalDecodingMessage:
		return c, false, d.add(m)
	case *pglogrepl.CommitMessage:
		if !d.ours {
			return c, false, nil
		}
		c = d.current
		if !mutant.On(mutant.MessageLSN) {
			c.LSN = uint64(m.CommitLSN)
		}
		c.End, c.At = uint64(m.TransactionEndLSN), m.CommitTime.UTC()
		c.IDs = sortedDistinct(c.IDs)
		d.current, d.ours = decodedCommit{}, false
		return c, true, nil
	}
	return c, false, nil
}

func (d *decoder) add(m *pglogrepl.LogicalDecodingMessage) error {
	family, _ := strings.CutSuffix(ChangeMessagePrefix, "1")
	if !m.Transactional || !strings.HasPrefix(m.Prefix, family) {
		return nil
	}
	if m.Prefix != ChangeMessagePrefix {
		return fmt.Errorf("the database's triggers send %q, this process reads %q: upgrade the relay", m.Prefix, ChangeMessagePrefix)
	}
	change, err := ParseChangeMessage(m.Content)
	if err != nil { // not by our triggers; it would come again for ever
		d.malformed(err)
		return nil
	}
	if mutant.On(mutant.MessageLSN) && !d.ours {
		d.current.LSN = uint64(m.LSN)
	}
	d.ours = true
	d.current.XID = change.XID
	d.current.IDs = append(d.current.IDs, change.Movies...)
	if len(change.People)+len(change.Genres)+len(change.Keywords) > 0 {
		change.Movies = nil
		d.current.shared = append(d.current.shared, change)
	}
	return nil
}

// sortedDistinct sorts the ids in place and drops repetitions.
func sortedDistinct(ids []int64) []int64 {
	slices.Sort(ids)
	return slices.Compact(ids)
}
