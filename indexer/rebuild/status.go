package rebuild

import (
	"context"
	"errors"
	"slices"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

// Status is everything that an operator should know before doing anything.
type Status struct {
	Indices []IndexStatus `json:"indices"`
	// Run is the rebuild that is not done, if there is one.
	Run *RunStatus `json:"run,omitempty"`
	// Operator at work, since when, doing what; empty when nobody is.
	Operator string    `json:"operator,omitempty"`
	Command  string    `json:"command,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	// Forgetting is an index that a killed repair has left forgetful of deletes.
	Forgetting string `json:"forgetting,omitempty"`
	// RepairReason says why a repair is due; empty when none is.
	RepairReason string `json:"repair_reason,omitempty"`
}

// RunStatus is how far an unfinished rebuild has come.
type RunStatus struct {
	Index     string    `json:"index"`
	Phase     string    `json:"phase"`
	Movies    int64     `json:"movies"`
	StartedAt time.Time `json:"started_at"`
}

// IndexStatus is one index.
type IndexStatus struct {
	Name string `json:"name"`
	// Aliases that it has, without those that say whether it takes writes.
	Aliases []string `json:"aliases"`
	// Reads: searches go to it. Fed: changes come to it. Held: its feed is held
	// for a swap, or by one that died.
	Reads bool `json:"reads"`
	Fed   bool `json:"fed"`
	Held  bool `json:"held"`
	// MappingVersion, and whether this program understands it.
	MappingVersion int   `json:"mapping_version"`
	Understood     bool  `json:"understood"`
	Docs           int64 `json:"docs"`
	// Bytes on disk, all copies.
	Bytes      int64     `json:"bytes"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	AgeSeconds int64     `json:"age_seconds,omitempty"`
	CreatedBy  string    `json:"created_by,omitempty"`
	// Verified is when a verification last found no difference; zero if none has.
	Verified time.Time `json:"verified_at,omitzero"`
	// Lag is how many changes its group has yet to apply; nil if it has no group.
	Lag *int64 `json:"lag"`
}

// Status looks, and changes nothing.
func (r *Rebuilder) Status(ctx context.Context) (Status, error) {
	var s Status
	var kept record
	if _, err := r.readRecord(ctx, &kept); err != nil {
		return s, err
	}
	if h := kept.Lease; h != nil {
		s.Operator, s.Command, s.Since = h.Operator, h.Command, h.Since
	}
	if run := kept.Run; run != nil && run.Phase != phaseDone {
		s.Run = &RunStatus{Index: run.Index, Phase: string(run.Phase), Movies: run.Movies, StartedAt: run.StartedAt}
	}
	if f := kept.Forgetting; f != nil {
		s.Forgetting = f.Index
	}
	indices, err := r.allIndices(ctx)
	if err != nil {
		return s, err
	}
	for _, index := range indices {
		status, err := r.indexStatus(ctx, index)
		if err != nil {
			return s, err
		}
		status.Verified = kept.Verified[index.Name]
		s.Indices = append(s.Indices, status)
	}
	relay, err := r.log.LoadRelayState(ctx)
	for i := range s.Indices {
		if x := &s.Indices[i]; err == nil && x.Reads && relay.RepairSince.After(kept.Verified[x.Name]) {
			s.RepairReason = relay.RepairReason
		}
	}
	return s, nil
}

// allIndices are those behind the aliases and those named like ours.
func (r *Rebuilder) allIndices(ctx context.Context) ([]opensearch.Index, error) {
	var all []opensearch.Index
	for _, name := range []string{r.indexPattern(), r.readAlias(), r.feedAlias()} {
		found, err := r.engine.Indices(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, index := range found {
			if !slices.ContainsFunc(all, func(x opensearch.Index) bool { return x.Name == index.Name }) {
				all = append(all, index)
			}
		}
	}
	return all, nil
}

func (r *Rebuilder) indexStatus(ctx context.Context, index opensearch.Index) (IndexStatus, error) {
	s := IndexStatus{Name: index.Name, Aliases: index.Aliases, Reads: index.HasAlias(r.readAlias()), Fed: index.HasAlias(r.feedAlias()),
		MappingVersion: index.MappingVersion, Understood: mappings.Understands(index.MappingVersion),
		CreatedAt: index.Facts.CreatedAt, CreatedBy: index.Facts.CreatedBy}
	if !s.CreatedAt.IsZero() {
		s.AgeSeconds = int64(time.Since(s.CreatedAt).Seconds())
	}
	stats, err := r.engine.Stats(ctx, index.Name)
	if err != nil {
		return s, err
	}
	s.Docs, s.Bytes = stats.Docs, stats.TotalBytes
	state, err := r.engine.WriteState(ctx, index.Name)
	if err != nil {
		return s, err
	}
	s.Held = s.Fed && state == opensearch.Withheld
	s.Lag, err = r.lag(ctx, index.Name)
	return s, err
}

// lag is how far the index's group is behind; nil when there is none.
func (r *Rebuilder) lag(ctx context.Context, index string) (*int64, error) {
	ends, err := r.log.EndOffsets(ctx, kafka.TopicChanges)
	if err != nil {
		return nil, err
	}
	behind, err := r.behind(ctx, index, ends)
	if errors.Is(err, kafka.ErrNoOffsets) {
		return nil, nil
	}
	return &behind, err
}

// readRecord reads the record without taking the lease; there may be none.
func (r *Rebuilder) readRecord(ctx context.Context, into *record) (opensearch.RecordVersion, error) {
	v, err := r.engine.ReadRecord(ctx, r.recordIndex(), recordID, into)
	if errors.Is(err, movie.ErrNotFound) {
		err = nil
	}
	return v, err
}
