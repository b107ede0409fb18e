package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
	"movies/internal/progress"
	"movies/search/opensearch"
)

const (
	// listed is how many differences are described one by one.
	listed = 1000
	// settleRounds is how often a difference is looked at again while its movie
	// keeps changing.
	settleRounds = 8
	// barrierPatience is how long the relay and the indexer may take to bring what
	// is committed into the index.
	barrierPatience = time.Minute
	// recheckAtOnce is how many movies are compared in one go.
	recheckAtOnce = 500
)

// Verification is what a comparison of an index with the database has found.
type Verification struct {
	Index string `json:"index"`
	// Movies of the database and Documents of the index that were compared.
	Movies    int64 `json:"movies"`
	Documents int64 `json:"documents"`
	// Total is how many documents are wrong; Differences describes the first.
	Total       int64        `json:"differences"`
	Differences []Difference `json:"list"`
	// InFlight is how many differed only because a change was under way;
	// Restless of them kept changing until the end of the verification.
	InFlight int64 `json:"in_flight"`
	Restless int64 `json:"restless"`
	// InFlightIDs are the first of them.
	InFlightIDs []int64 `json:"in_flight_ids,omitempty"`
	// Repaired is how many a repair has put right.
	Repaired int64   `json:"repaired"`
	Seconds  float64 `json:"seconds"`
	// ids of all wrong documents, strays apart.
	ids    []int64
	strays []opensearch.Stored
}

// Clean tells whether nothing is wrong.
func (v *Verification) Clean() bool { return v.Total == 0 }

// DiffersError is an index that is not what the database holds.
type DiffersError struct{ Verification Verification }

// Error counts the differences and says what to do.
func (e *DiffersError) Error() string {
	v := &e.Verification
	text := fmt.Sprintf("index %s differs from the database in %s of %s documents", v.Index, progress.Count(v.Total), progress.Count(max(v.Movies, v.Documents)))
	if len(v.Differences) > 0 {
		text += fmt.Sprintf(", such as %s", v.Differences[0])
	}
	return text + fmt.Sprintf("; reindex verify --repair --index %s puts them right", v.Index)
}

// String names the document and what is wrong with it.
func (d Difference) String() string {
	switch {
	case d.Kind == Stray && d.Routing != "":
		return fmt.Sprintf("document %q, routed by %q (%s)", d.Document, d.Routing, d.Kind)
	case d.Kind == Stray:
		return fmt.Sprintf("document %q (%s)", d.Document, d.Kind)
	}
	return fmt.Sprintf("movie %d (%s)", d.ID, d.Kind)
}

// Verify compares an index, by default the one that answers, with the database,
// document by document, while both are in use. What differs only because a
// change is under way is told apart: it is looked at again when everything
// committed before has had to arrive.
func (r *Rebuilder) Verify(ctx context.Context, index string) (Verification, error) {
	if index == "" {
		x, err := r.survey(ctx, "")
		if err != nil {
			return Verification{}, err
		}
		if index = x.reading; index == "" {
			return Verification{}, errors.New("there is no index yet: run reindex run")
		}
	}
	return r.verify(ctx, index)
}

func (r *Rebuilder) verify(ctx context.Context, index string) (v Verification, err error) {
	began := time.Now()
	defer func() { v.Seconds = time.Since(began).Seconds() }()
	v.Index, v.Differences = index, []Difference{} // in JSON a list, also when empty
	suspects, err := r.suspects(ctx, &v)
	if err != nil {
		return v, err
	}
	return v, r.settle(ctx, &v, suspects)
}

// suspects compares both sides by digests, and gives the ids in differing ranges
// that differ.
func (r *Rebuilder) suspects(ctx context.Context, v *Verification) ([]int64, error) {
	if err := r.engine.Refresh(ctx, v.Index); err != nil { // so that a scan sees what is there
		return nil, err
	}
	stats, err := r.engine.Stats(ctx, v.Index)
	if err != nil {
		return nil, err
	}
	bar := r.say.start("verify", "documents", 0, 2*stats.Docs)
	defer bar.Finish()
	sums, n, err := r.sum(ctx, v.Index, func(done int64) { bar.Set(done, 0) })
	if err != nil {
		return nil, err
	}
	v.Movies, v.Documents, v.strays = n.movies, n.documents, sums.strays
	var found [][]int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(databaseReaders)
	buckets := sums.differing()
	found = make([][]int64, len(buckets))
	for i, bucket := range buckets {
		g.Go(func() (err error) {
			found[i], err = r.narrow(ctx, v.Index, bucket)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	suspects := append(slices.Concat(found...), sums.ahead...)
	slices.Sort(suspects)
	return slices.Compact(suspects), nil
}

// settle tells real differences from changes under way. A movie is looked at in
// rounds, and between two rounds everything committed before the first comes
// into the index (barrier). If nothing happened to the movie meanwhile and the
// sides differ, the index is wrong (see settled); if something did, it is looked
// at again.
func (r *Rebuilder) settle(ctx context.Context, v *Verification, suspects []int64) error {
	before := make(map[int64]*pair, len(suspects))
	if err := r.eachPair(ctx, v.Index, suspects, func(id int64, p *pair) { before[id] = p }); err != nil {
		return err
	}
	undecided := suspects
	for round := 0; len(undecided) > 0 && round < settleRounds; round++ {
		if err := r.barrier(ctx, v.Index); err != nil {
			return err
		}
		var restless []int64
		err := r.eachPair(ctx, v.Index, undecided, func(id int64, p *pair) {
			switch {
			case p.same() && !p.ahead:
				v.inFlight(id)
			case !p.settled(before[id]):
				before[id] = p
				restless = append(restless, id)
			default:
				v.wrong(p.describe(id))
			}
		})
		if err != nil {
			return err
		}
		undecided = restless
	}
	v.Restless = int64(len(undecided))
	for _, id := range undecided {
		v.inFlight(id)
	}
	for _, d := range v.strays {
		v.wrong(Difference{Document: d.ID, Routing: d.Routing, Kind: Stray, Version: d.Version})
	}
	return nil
}

func (v *Verification) inFlight(id int64) {
	v.InFlight++
	if len(v.InFlightIDs) < listed {
		v.InFlightIDs = append(v.InFlightIDs, id)
	}
}

func (v *Verification) wrong(d Difference) {
	v.Total++
	if d.ID != 0 {
		v.ids = append(v.ids, d.ID)
	}
	if len(v.Differences) < listed {
		v.Differences = append(v.Differences, d)
	}
}

// eachPair compares movies, some at a time, and their versions with what the
// database can have given out.
func (r *Rebuilder) eachPair(ctx context.Context, index string, ids []int64, each func(id int64, p *pair)) error {
	for some := range slices.Chunk(ids, recheckAtOnce) {
		pairs, err := r.pairs(ctx, index, some)
		if err != nil {
			return err
		}
		ceiling, err := r.ceiling(ctx) // after what the index has was read
		if err != nil {
			return err
		}
		for _, id := range some {
			pairs[id].ahead = pairs[id].indexVersion > ceiling
			each(id, pairs[id])
		}
	}
	return nil
}

// barrier returns when everything that was committed before the call, and was
// captured, has been applied to the index and is found by searches.
func (r *Rebuilder) barrier(ctx context.Context, index string) error {
	if err := r.awaitRelay(ctx); err != nil {
		return err
	}
	if err := r.awaitFeed(ctx, index, barrierPatience); err != nil {
		return err
	}
	return r.engine.Refresh(ctx, index)
}

// awaitRelay returns when everything that was committed before the call, and was
// captured, is acknowledged by Kafka.
func (r *Rebuilder) awaitRelay(ctx context.Context) error {
	origin, err := r.history.Position(ctx)
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		lsn, err := r.history.VisibleLSN(ctx)
		if err != nil {
			return err
		}
		if lsn >= origin.WALEnd {
			return nil
		}
		if time.Since(began) > barrierPatience {
			return fmt.Errorf("the relay stands still: it is at %s, and what was committed reaches to %s; see whether cmd/relay runs and what it logs",
				movie.FormatLSN(lsn), movie.FormatLSN(origin.WALEnd))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// verifyNew verifies the index of a run. Differences are an error unless they
// are overridden.
func (r *Rebuilder) verifyNew(ctx context.Context, l *lease, force bool) (int64, error) {
	run, began := l.run(), time.Now()
	v, err := r.verify(ctx, run.Index)
	if err != nil {
		return 0, err
	}
	r.say.line("verified %s movies against %s: %s differences, %s in flight", progress.Count(v.Movies), v.Index, progress.Count(v.Total), progress.Count(v.InFlight))
	if v.Clean() {
		return 0, r.verified(ctx, l, v.Index, began, true)
	}
	if !force {
		return v.Total, &DiffersError{v}
	}
	r.say.line("putting %s in place in spite of %s differences, as asked", v.Index, progress.Count(v.Total))
	return v.Total, nil
}
