package rebuild

import (
	"time"

	"movies/internal/kafka"
)

// record is what operators leave each other: who is at work, and how far the
// last rebuild has come. It is one small document in an index of its own.
type record struct {
	Lease *holder `json:"lease,omitempty"`
	Run   *run    `json:"run,omitempty"`
	// Verified is when the last verification of each index began that has found no
	// difference.
	Verified map[string]time.Time `json:"verified_at,omitempty"`
	// Forgetting is an index whose deletes have to be applied again.
	Forgetting *forgetting `json:"forgetting,omitempty"`
}

// run is one rebuild.
type run struct {
	Phase          phase     `json:"phase"`
	Index          string    `json:"index"`
	Previous       string    `json:"previous,omitempty"`
	MappingVersion int       `json:"mapping_version"`
	Epoch          int       `json:"epoch"`
	Shards         int       `json:"shards"`
	Replicas       int       `json:"replicas"`
	StartedAt      time.Time `json:"started_at"`
	// Offsets are where the new index's group began.
	Offsets kafka.Offsets `json:"offsets,omitempty"`
	// Next is the id behind which nothing has been given to a worker; Pending are
	// the ranges before it that workers have not finished.
	Next    int64  `json:"next"`
	Pending []span `json:"pending,omitempty"`
	// Exhausted: there is nothing behind Next.
	Exhausted bool `json:"exhausted"`
	// Movies is how many were backfilled.
	Movies int64 `json:"movies"`
}

// span is the ids above After, up to and including Through.
type span struct {
	After   int64 `json:"after"`
	Through int64 `json:"through"`
}

// phase is where a run stands.
type phase string

// The phases, in their order.
const (
	phaseCreate   phase = "create"
	phaseBackfill phase = "backfill"
	phaseDeletes  phase = "deletes"
	phaseCatchUp  phase = "catch-up"
	phaseVerify   phase = "verify"
	phaseSwap     phase = "swap"
	phaseDone     phase = "done"
)

func (p phase) next() phase {
	order := []phase{phaseCreate, phaseBackfill, phaseDeletes, phaseCatchUp, phaseVerify, phaseSwap, phaseDone}
	for i := range len(order) - 1 {
		if order[i] == p {
			return order[i+1]
		}
	}
	return phaseDone
}

// clone copies a run deeply enough to be written while the original changes.
func (r *run) clone() *run {
	if r == nil {
		return nil
	}
	c := *r
	c.Pending = append([]span(nil), r.Pending...)
	return &c
}
