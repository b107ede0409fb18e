package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"movies/internal/movie"
)

// How many connections share the reading of a batch, and the least number of
// movies worth a connection.
const (
	readersAtOnce = 2
	readShare     = 200
)

// Read gives the documents of the movies, each of them from a snapshot in which
// all the named transactions are visible. A movie that does not exist there is
// left out. It waits for transactions that are not visible yet: a commit may be
// decoded before it is, and a document read at that moment would lack the change
// for good. Many movies are read over several connections at once.
func (c *Capture) Read(ctx context.Context, xids []uint64, ids []int64) ([]movie.Movie, error) {
	share := max(readShare, (len(ids)+readersAtOnce-1)/readersAtOnce)
	shares := slices.Collect(slices.Chunk(ids, share))
	if len(shares) == 0 {
		shares = [][]int64{nil} // the wait is asked for all the same
	}
	read := make([][]movie.Movie, len(shares))
	g, ctx := errgroup.WithContext(ctx)
	for i := range shares {
		g.Go(func() error {
			return c.inSnapshotOf(ctx, xids, func(tx pgx.Tx) (err error) {
				read[i], err = Documents(ctx, tx, shares[i])
				return err
			})
		})
	}
	err := g.Wait()
	return slices.Concat(read...), err
}

// affected expands shared rows to movies, in a snapshot that sees the transaction.
func (c *Capture) affected(ctx context.Context, xid uint64, changes []ChangeMessage) (ids []int64, err error) {
	err = c.inSnapshotOf(ctx, []uint64{xid}, func(tx pgx.Tx) error {
		ids, err = Affected(ctx, tx, changes...)
		return err
	})
	return ids, err
}

// inSnapshotOf runs read in one snapshot in which all the transactions are
// visible, taking new snapshots until there is one.
func (c *Capture) inSnapshotOf(ctx context.Context, xids []uint64, read func(pgx.Tx) error) error {
	texts := make([]string, len(xids))
	for i, xid := range xids {
		texts[i] = strconv.FormatUint(xid, 10)
	}
	var warned time.Time
	for began, wait := time.Now(), time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		visible, err := c.tryRead(ctx, texts, read)
		if err != nil || visible {
			return err
		}
		if time.Since(began) > 5*time.Second && time.Since(warned) > time.Minute {
			warned = time.Now()
			c.log.Warn("committed transactions are not visible yet: their commit may wait for a synchronous standby, "+
				"and synchronous_standby_names must not match "+strconv.Quote(applicationName),
				"waiting", time.Since(began).Round(time.Second).String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

const allVisible = `SELECT coalesce(bool_and(pg_visible_in_snapshot(xid::xid8, pg_current_snapshot())), true) FROM unnest($1::text[]) AS xid`

func (c *Capture) tryRead(ctx context.Context, xids []string, read func(pgx.Tx) error) (visible bool, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, c.pool, options, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, allVisible, xids).Scan(&visible); err != nil {
			return fmt.Errorf("visibility of transactions: %w", err)
		}
		if !visible {
			return nil
		}
		return read(tx)
	})
	return visible, err
}
