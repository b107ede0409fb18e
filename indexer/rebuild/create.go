package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"movies/indexer"
	"movies/internal/kafka"
	"movies/internal/mutant"
	"movies/internal/progress"
	"movies/mappings"
	"movies/search/opensearch"
)

// Plan is what a Run would do.
type Plan struct {
	Index    string `json:"index"`
	Previous string `json:"previous,omitempty"`
	Movies   int64  `json:"movies"`
	Shards   int    `json:"shards"`
	Replicas int    `json:"replicas"`
	// NeededBytes of disk, with room for merging, and FreeBytes of the cluster.
	NeededBytes int64 `json:"needed_bytes"`
	FreeBytes   int64 `json:"free_bytes"`
	// Unfinished is the index of an earlier run that would be gone on with.
	Unfinished string `json:"unfinished,omitempty"`
}

// Plan tells what Run would do, and changes nothing.
func (r *Rebuilder) Plan(ctx context.Context, o RunOptions) (Plan, error) {
	var s record
	if _, err := r.readRecord(ctx, &s); err != nil {
		return Plan{}, err
	}
	unfinished := ""
	if s.Run != nil && s.Run.Phase != phaseDone && !o.Restart {
		unfinished = s.Run.Index
	}
	p, err := r.draft(ctx, o, unfinished)
	p.Unfinished = unfinished
	return p, err
}

// draft makes the plan for a new index.
func (r *Rebuilder) draft(ctx context.Context, o RunOptions, unfinished string) (Plan, error) {
	x, err := r.survey(ctx, unfinished)
	if err != nil {
		return Plan{}, err
	}
	if len(x.others) > 0 {
		return Plan{}, fmt.Errorf("%s is still kept for a rollback: run reindex finalize first, which retires it", x.others[0])
	}
	p := Plan{Index: opensearch.IndexName(r.options.Prefix, r.mapping.version, time.Now()), Previous: x.reading}
	if p.Shards, p.Replicas, err = r.copies(ctx, o, x.reading); err != nil {
		return Plan{}, err
	}
	if p.Movies, err = r.source.Count(ctx); err != nil {
		return Plan{}, fmt.Errorf("count the movies: %w", err)
	}
	if p.NeededBytes, err = r.neededBytes(ctx, p); err != nil {
		return Plan{}, err
	}
	p.FreeBytes, err = r.engine.FreeBytes(ctx)
	return p, err
}

// copies decides how the new index is spread.
func (r *Rebuilder) copies(ctx context.Context, o RunOptions, reading string) (shards, replicas int, err error) {
	shards = 1
	if reading != "" {
		shards, replicas, err = r.engine.Copies(ctx, reading)
	} else {
		var nodes int
		if nodes, err = r.engine.DataNodes(ctx); nodes > 1 {
			replicas = 1
		}
	}
	if o.Shards > 0 {
		shards = o.Shards
	}
	if o.Replicas >= 0 {
		replicas = o.Replicas
	}
	return shards, replicas, err
}

// How much disk an index takes, where there is none to go by, and how much more
// merging needs for a while.
const (
	bytesPerMovie = 3 << 10
	mergeRoom     = 1.5
)

// neededBytes is how much disk the new index takes at most while it is made.
func (r *Rebuilder) neededBytes(ctx context.Context, p Plan) (int64, error) {
	size := float64(bytesPerMovie * p.Movies)
	if p.Previous != "" {
		stats, err := r.engine.Stats(ctx, p.Previous)
		if err != nil {
			return 0, err
		}
		if stats.Docs > 0 {
			size = float64(stats.PrimaryBytes) / float64(stats.Docs) * float64(p.Movies)
		}
	}
	return int64(size * mergeRoom * float64(1+p.Replicas)), nil
}

// plan records a new run, unless there is no room for its index.
func (r *Rebuilder) plan(ctx context.Context, l *lease, o RunOptions, epoch int) error {
	p, err := r.draft(ctx, o, "")
	for err == nil && p.Index == p.Previous { // names tell seconds apart
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
			p, err = r.draft(ctx, o, "")
		}
	}
	if err != nil {
		return err
	}
	if p.NeededBytes > p.FreeBytes && !o.Force {
		return fmt.Errorf("no room for the new index: it needs up to %s MB of disk for %s movies, and the cluster has %s MB left below its high watermark; "+
			"make room, or use --force if you know better", megabytes(p.NeededBytes), progress.Count(p.Movies), megabytes(p.FreeBytes))
	}
	r.say.line("building %s for %s movies", p.Index, progress.Count(p.Movies))
	return l.update(ctx, func(s *record) {
		s.Run = &run{Phase: phaseCreate, Index: p.Index, Previous: p.Previous, MappingVersion: r.mapping.version, Epoch: epoch,
			Shards: p.Shards, Replicas: p.Replicas, StartedAt: time.Now().UTC()}
	})
}

func megabytes(n int64) string { return progress.Count((n + 1<<20 - 1) >> 20) }

// Settings while an index is filled. Refreshing and replicating every document
// on its way costs more than doing both once. Deletes must be remembered for as
// long as an older copy of the movie may be on its way from a chunk.
var loadSettings = map[string]any{
	"index.refresh_interval":   "-1",
	"index.number_of_replicas": 0,
	"index.gc_deletes":         "7d",
}

// create makes the index and begins to feed it. It may be repeated from any
// point: offsets are set only while the feed cannot have begun.
func (r *Rebuilder) create(ctx context.Context, l *lease) error {
	run := l.run()
	fed, err := r.isFed(ctx, run.Index)
	if err != nil || fed {
		return err
	}
	if err := r.engine.DeleteIndex(ctx, run.Index); err != nil { // half made, by a run that was killed
		return err
	}
	body, err := r.mapping.index(mappings.Options{Shards: run.Shards, Replicas: run.Replicas})
	if err != nil {
		return err
	}
	// Everything published from here on reaches the index by its feed. What was
	// published before is at or below the floor, and so in every chunk, for no chunk
	// has begun. An event that is published again behind the offsets, older than a
	// delete before them, is below the floor, and so not for this index.
	offsets, err := r.ends(ctx)
	if err != nil {
		return err
	}
	floor, err := r.floor(ctx, run.Epoch)
	if err != nil {
		return err
	}
	facts := opensearch.Facts{CreatedAt: run.StartedAt, CreatedBy: r.options.Operator, Epoch: run.Epoch, Floor: floor}
	if err := r.engine.CreateIndex(ctx, run.Index, body, facts); err != nil {
		return err
	}
	if err := r.engine.PutSettings(ctx, run.Index, loadSettings); err != nil {
		return err
	}
	if mutant.On(mutant.ExpiryForgotten) {
		_ = r.engine.PutSettings(ctx, run.Index, map[string]any{"index.gc_deletes": nil})
	}
	r.reached("index created")
	if err := r.log.SetGroupOffsets(ctx, indexer.GroupID(run.Index), kafka.TopicChanges, offsets); err != nil {
		return err
	}
	if err := l.update(ctx, func(s *record) { s.Run.Offsets = offsets }); err != nil {
		return err
	}
	r.reached("offsets set")
	return r.engine.UpdateAliases(ctx, opensearch.AliasAction{Alias: r.feedAlias(), Index: run.Index})
}

func (r *Rebuilder) isFed(ctx context.Context, index string) (bool, error) {
	found, err := r.engine.Indices(ctx, index)
	if err != nil || len(found) == 0 {
		return false, err
	}
	return found[0].HasAlias(r.feedAlias()), nil
}

// restoreSettings gives a filled index the settings it is to live with.
func (r *Rebuilder) restoreSettings(ctx context.Context, run *run) error {
	body, err := r.mapping.index(mappings.Options{Shards: run.Shards, Replicas: run.Replicas})
	if err != nil {
		return err
	}
	var intended struct {
		Settings struct {
			Index struct {
				RefreshInterval string `json:"refresh_interval"`
				GCDeletes       any    `json:"gc_deletes"`
			}
		}
	}
	if err := json.Unmarshal(body, &intended); err != nil {
		return err
	}
	if mutant.On(mutant.TombstoneForgotten) {
		intended.Settings.Index.GCDeletes = "1s"
	}
	return r.engine.PutSettings(ctx, run.Index, map[string]any{
		"index.refresh_interval":   intended.Settings.Index.RefreshInterval,
		"index.number_of_replicas": run.Replicas,
		"index.gc_deletes":         intended.Settings.Index.GCDeletes,
	})
}

// discard removes an unfinished index and everything about it.
func (r *Rebuilder) discard(ctx context.Context, index string) error {
	found, err := r.engine.Indices(ctx, index)
	if err != nil {
		return err
	}
	if len(found) > 0 && found[0].HasAlias(r.readAlias()) {
		return fmt.Errorf("%s is the index that answers, and is not discarded", index)
	}
	return r.retire(ctx, index)
}
