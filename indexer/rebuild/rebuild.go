// Package rebuild makes a new index from the database beside the one that
// answers, proves that it is right, and puts it in its place without a reader or
// a writer noticing.
//
// Its promises:
//
//   - Writes never pause and no read fails. The new index is fed by a consumer
//     group of its own from before the first movie is read (guarantee 4), and one
//     alias call puts it in the place of the old one.
//   - No reader sees a movie go backwards across the swap: the old index's feed
//     holds for a moment, the new index applies and refreshes past it, and only
//     then is the alias moved (see exchange).
//   - A backfilled document never replaces a newer one: it carries a version at
//     or before which it contains every change (see stamper), and is refused by
//     the engine where a newer one is there. Deletes that the engine may have
//     forgotten while the backfill ran are applied again after it.
//   - An index is not put in place unless its contents, document by document,
//     are those of the database.
//   - Killed at any point, a rebuild is resumed by the next Run, which repeats at
//     most one chunk per worker. One operator works at a time (see lease).
//   - The old index stays fed until Finalize, so that Rollback is one call and
//     nothing in it is stale.
package rebuild

import (
	"context"
	"fmt"
	"io"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
	"movies/mappings"
	"movies/search/opensearch"
)

// Source reads the movies of the database.
type Source interface {
	// Boundary gives the id of the n-th movie after an id; more is false when
	// fewer are left.
	Boundary(ctx context.Context, after int64, n int) (id int64, more bool, err error)
	// Between gives the movies with ids above after up to and including through,
	// as of one snapshot, in the order of ids.
	Between(ctx context.Context, after, through int64) ([]movie.Movie, error)
	// Documents gives those of the movies that exist, as of one snapshot.
	Documents(ctx context.Context, ids []int64) ([]movie.Movie, error)
	// Count is the number of movies.
	Count(ctx context.Context) (int64, error)
}

// History knows where the database's changes are.
type History interface {
	// Position says which database this is. No change that a snapshot has shown
	// was committed behind its WALEnd.
	Position(ctx context.Context) (movie.Origin, error)
	// VisibleLSN is a position such that every change committed at or before it
	// is visible to every snapshot from now on, and was acknowledged by Kafka.
	VisibleLSN(ctx context.Context) (uint64, error)
	// Reemit announces movies as changed: each gets an event with a new version.
	Reemit(ctx context.Context, ids []int64) error
	// RowVersions tells which version of each movie's row is the present one, for
	// those that exist; one that was deleted and made again has another.
	RowVersions(ctx context.Context, ids []int64) (map[int64]uint32, error)
}

// Log is what a rebuilder needs of Kafka: a *kafka.Client.
type Log interface {
	Groups
	Changes
	Letters
}

// Groups are the places of consumer groups in a topic.
type Groups interface {
	EndOffsets(ctx context.Context, topic string) (kafka.Offsets, error)
	OffsetsSince(ctx context.Context, topic string, at time.Time) (kafka.Offsets, error)
	GroupOffsets(ctx context.Context, group, topic string) (kafka.Offsets, error)
	SetGroupOffsets(ctx context.Context, group, topic string, offsets kafka.Offsets) error
	DeleteGroup(ctx context.Context, group string) error
}

// Changes are what the relay has published.
type Changes interface {
	ReadFrom(ctx context.Context, topic string, from kafka.Offsets, each func(kafka.Message) error) error
	Publish(ctx context.Context, topic string, messages []kafka.Message) error
	LoadRelayState(ctx context.Context) (kafka.RelayState, error)
	SaveRepaired(ctx context.Context, at time.Time) error
}

// Letters are what could not be applied.
type Letters interface {
	Park(ctx context.Context, letters []kafka.DeadLetter) error
	DeadLetters(ctx context.Context) ([]kafka.DeadLetter, error)
	Discard(ctx context.Context, ids []string) error
}

var _ Log = (*kafka.Client)(nil)

// Options are what differs between operators and deployments.
type Options struct {
	// Prefix of the names of indices and aliases: empty in production.
	Prefix string
	// Operator says who is at work, for others who find the lease taken.
	Operator string
	// Out is told of progress, as JSON lines if JSON is set.
	Out  io.Writer
	JSON bool
	// Lease is how long a lease outlives the process that held it; 0 for 10 s.
	Lease time.Duration
	// Chunk is how many movies are read in one snapshot; 0 for 1000.
	Chunk int
}

// Rebuilder does what an operator asks, one thing at a time.
type Rebuilder struct {
	engine  *opensearch.Client
	log     Log
	source  Source
	history History
	options Options
	say     reporter
	epochs  epochs
	// mapping is what new indices get: that of this release, except in a test of
	// upgrades.
	mapping mapping
	// chunk is how many movies are read in one snapshot, sent in one request, and
	// repeated by a worker that was killed.
	chunk int
	// reached is called at points where a test stops or kills the process.
	reached func(point string)
}

type mapping struct {
	version int
	index   func(mappings.Options) ([]byte, error)
}

// New prepares a rebuilder; nothing is asked or changed yet. source and history
// may be nil for what does not touch the database: Status, Rollback, Finalize.
func New(engine *opensearch.Client, log Log, source Source, history History, o Options) *Rebuilder {
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Chunk == 0 {
		o.Chunk = chunkMovies
	}
	return &Rebuilder{
		engine: engine, log: log, source: source, history: history, options: o,
		say: reporter{o.Out, o.JSON}, epochs: epochs{load: log.LoadRelayState, patience: relayPatience},
		mapping: mapping{mappings.Version, mappings.Index}, chunk: o.Chunk, reached: func(string) {},
	}
}

func (r *Rebuilder) readAlias() string    { return r.options.Prefix + opensearch.ReadAlias }
func (r *Rebuilder) feedAlias() string    { return r.options.Prefix + opensearch.FeedAlias }
func (r *Rebuilder) indexPattern() string { return r.options.Prefix + opensearch.ReadAlias + "-v*" }

// RunOptions are the choices of one rebuild.
type RunOptions struct {
	// Shards and Replicas of the new index; negative for those of the index that
	// answers, or else what suits the cluster.
	Shards, Replicas int
	// MaxRate bounds the backfill, in movies a second; 0 for no bound.
	MaxRate float64
	// Force puts the index in place although verification found differences, or
	// the disk seems too small.
	Force bool
	// Restart discards what an unfinished rebuild has made and begins anew.
	Restart bool
}

// Summary is what a rebuild has done.
type Summary struct {
	Index    string  `json:"index"`
	Previous string  `json:"previous,omitempty"`
	Movies   int64   `json:"movies"`
	Seconds  float64 `json:"seconds"`
	// Phases are the seconds that each phase took, of those that this call went through.
	Phases  map[string]float64 `json:"phases"`
	Resumed bool               `json:"resumed"`
	// Differences that were overridden by force.
	Differences int64 `json:"differences"`
}

// Run makes a new index and puts it in place, or finishes what an earlier Run
// began. The error is a *DiffersError when the new index was not put in place
// because it differs from the database.
func (r *Rebuilder) Run(ctx context.Context, o RunOptions) (Summary, error) {
	began := time.Now()
	summary := Summary{Phases: make(map[string]float64)}
	err := r.underLease(ctx, "reindex run", func(ctx context.Context, l *lease) error {
		resumed, err := r.begin(ctx, l, o)
		if err != nil {
			return err
		}
		summary.Resumed = resumed
		err = r.phases(ctx, l, o, &summary)
		run := l.run()
		summary.Index, summary.Previous, summary.Movies = run.Index, run.Previous, run.Movies
		return err
	})
	summary.Seconds = time.Since(began).Seconds()
	return summary, err
}

// phases carries the run from where it stands to its end.
func (r *Rebuilder) phases(ctx context.Context, l *lease, o RunOptions, summary *Summary) error {
	for _, step := range []struct {
		phase phase
		work  func() error
	}{
		{phaseCreate, func() error { return r.create(ctx, l) }},
		{phaseBackfill, func() error { return r.backfill(ctx, l, o.MaxRate) }},
		{phaseDeletes, func() error { return r.repeatDeletes(ctx, l.run().Index, l.run().Offsets) }},
		{phaseCatchUp, func() error { return r.catchUp(ctx, l.run()) }},
		{phaseVerify, func() (err error) { summary.Differences, err = r.verifyNew(ctx, l, o.Force); return err }},
		{phaseSwap, func() error { return r.swapIn(ctx, l) }},
	} {
		if l.run().Phase != step.phase {
			continue
		}
		r.reached("begin " + string(step.phase))
		began := time.Now()
		if err := step.work(); err != nil {
			return fmt.Errorf("%s: %w", step.phase, err)
		}
		summary.Phases[string(step.phase)] = time.Since(began).Seconds()
		r.reached("end " + string(step.phase))
		if err := l.update(ctx, func(s *record) { s.Run.Phase = step.phase.next() }); err != nil {
			return err
		}
	}
	return nil
}

// begin decides between going on with an unfinished run and starting one.
func (r *Rebuilder) begin(ctx context.Context, l *lease, o RunOptions) (resumed bool, err error) {
	state, err := r.epochs.current(ctx, r.history)
	if err != nil {
		return false, err
	}
	if run := l.run(); run != nil && run.Phase != phaseDone {
		reason, err := r.unusable(ctx, run, state.Epoch, o.Restart)
		if err != nil {
			return false, err
		}
		if reason == "" {
			r.say.line("going on with %s, in the phase %q, begun %s", run.Index, run.Phase, run.StartedAt.Format(time.DateTime))
			return true, nil
		}
		r.say.line("starting over: %s", reason)
		if err := r.discard(ctx, run.Index); err != nil {
			return false, err
		}
	}
	return false, r.plan(ctx, l, o, state.Epoch)
}

// unusable says why an unfinished run cannot be gone on with; empty if it can.
func (r *Rebuilder) unusable(ctx context.Context, run *run, epoch int, restart bool) (string, error) {
	switch {
	case restart:
		return "as asked", nil
	case run.MappingVersion != r.mapping.version:
		return fmt.Sprintf("%s has mapping version %d, and this program makes %d", run.Index, run.MappingVersion, r.mapping.version), nil
	case run.Epoch != epoch:
		return fmt.Sprintf("%s was begun in epoch %d, and the database is in epoch %d", run.Index, run.Epoch, epoch), nil
	case run.Phase == phaseCreate:
		return "", nil
	}
	state, err := r.engine.WriteState(ctx, run.Index)
	if err != nil {
		return "", err
	}
	if state == opensearch.Gone {
		return run.Index + " is gone", nil
	}
	return "", nil
}
