package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"movies/internal/movie"
)

// RelayState is what the relay remembers outside Postgres, where no failover or
// restore of the database can take it back.
type RelayState struct {
	// Epoch is the high part of every version the relay gives out, from 1; 0 when
	// only the intent to begin has been written.
	Epoch int
	// SystemID and Timeline of the database that the epoch belongs to.
	SystemID string
	Timeline int
	// LSN is a position up to which everything was published; the real one is
	// some seconds further. XID is the transaction whose commit ends there, or 0
	// where no commit does: a database in which another one ends there, or none,
	// has another history.
	LSN uint64
	XID uint64
	// At is when this was written.
	At time.Time
	// RepairReason says why the search index may hold what the database does not,
	// or the reverse; empty when no repair is due or one has been saved as done.
	// RepairSince is when that was found.
	RepairReason string
	RepairSince  time.Time
}

const stateSchema = 1

type stateRecord struct {
	Schema       int       `json:"schema"`
	Epoch        int       `json:"epoch"`
	SystemID     string    `json:"system_id"`
	Timeline     int       `json:"timeline"`
	LSN          string    `json:"lsn"`
	XID          uint64    `json:"xid,omitempty,string"`
	At           time.Time `json:"at"`
	RepairReason string    `json:"repair_reason,omitempty"`
	RepairSince  time.Time `json:"repair_since,omitzero"`
}

// SaveRelayState persists the state, acknowledged by all in-sync replicas. Each
// epoch has a record of its own: a relay of an older epoch that still runs
// somewhere cannot overwrite what a newer one wrote.
func (c *Client) SaveRelayState(ctx context.Context, s RelayState) error {
	value, err := json.Marshal(stateRecord{stateSchema, s.Epoch, s.SystemID, s.Timeline, movie.FormatLSN(s.LSN), s.XID,
		s.At.UTC(), s.RepairReason, s.RepairSince.UTC()})
	if err != nil {
		return fmt.Errorf("relay state: %w", err)
	}
	key := "epoch/" + strconv.Itoa(s.Epoch)
	return c.Publish(ctx, TopicRelay, []Message{{Key: []byte(key), Value: value}})
}

// repairedKey is that of the record which says when the index was last found to
// be what the database is. It has the form of a state of no epoch, which relays
// that do not know it pass over.
const repairedKey = "repaired"

// SaveRepaired persists that the index was compared with the database from the
// given time on, and nothing differs: repairs that were due before are done.
func (c *Client) SaveRepaired(ctx context.Context, at time.Time) error {
	value, err := json.Marshal(stateRecord{Schema: stateSchema, LSN: movie.FormatLSN(0), At: at.UTC()})
	if err != nil {
		return fmt.Errorf("relay state: %w", err)
	}
	return c.Publish(ctx, TopicRelay, []Message{{Key: []byte(repairedKey), Value: value}})
}

// LoadRelayState gives the state of the highest epoch; its Epoch is 0 when there
// is none yet.
func (c *Client) LoadRelayState(ctx context.Context) (RelayState, error) {
	var newest RelayState
	var repaired time.Time
	err := c.ReadAll(ctx, TopicRelay, func(m Message) error {
		if m.Value == nil {
			return nil
		}
		s, err := decodeState(m.Value)
		if err != nil {
			return fmt.Errorf("relay state %s: %w", m.Key, err)
		}
		if string(m.Key) == repairedKey {
			repaired = s.At
			return nil
		}
		if s.Epoch > newest.Epoch || s.Epoch == newest.Epoch && s.LSN >= newest.LSN {
			newest = s
		}
		return nil
	})
	if err != nil {
		return RelayState{}, fmt.Errorf("load relay state: %w", err)
	}
	if !newest.RepairSince.After(repaired) {
		newest.RepairReason, newest.RepairSince = "", time.Time{}
	}
	return newest, nil
}

func decodeState(b []byte) (RelayState, error) {
	var r stateRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return RelayState{}, err
	}
	if r.Schema > stateSchema {
		return RelayState{}, fmt.Errorf("it has schema %d, this process reads up to %d: upgrade it", r.Schema, stateSchema)
	}
	lsn, err := movie.ParseLSN(r.LSN)
	if err != nil {
		return RelayState{}, err
	}
	return RelayState{r.Epoch, r.SystemID, r.Timeline, lsn, r.XID, r.At, r.RepairReason, r.RepairSince}, nil
}
