package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"movies/internal/movie"
)

// Bounds of what one person may keep. A watchlist is small enough to be sent to
// the engine as a filter.
const (
	MaxWatchlist = 10_000
	MaxRatings   = 100_000
)

// Watchlist returns somebody's watchlist, the last added first.
func (c *Catalog) Watchlist(ctx context.Context, subject string) ([]movie.Watched, error) {
	rows, err := c.pool.Query(ctx, `SELECT movie_id, added_at FROM watchlist WHERE subject = $1 ORDER BY added_at DESC, movie_id`, subject)
	return collect[movie.Watched](c, rows, err)
}

// Watch puts a movie on somebody's watchlist; one that is there stays as it is.
// No such movie is an ErrNotFound, a full list both ErrConflict and ErrInvalid.
func (c *Catalog) Watch(ctx context.Context, subject string, id int64) error {
	return c.keep(ctx, "watchlist", MaxWatchlist, subject, id,
		`INSERT INTO watchlist (subject, movie_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, subject, id)
}

// Unwatch takes a movie off somebody's watchlist, if it is there.
func (c *Catalog) Unwatch(ctx context.Context, subject string, id int64) error {
	_, err := c.pool.Exec(ctx, `DELETE FROM watchlist WHERE subject = $1 AND movie_id = $2`, subject, id)
	return c.explain(err)
}

// Ratings returns what somebody thinks of movies, the last rated first.
func (c *Catalog) Ratings(ctx context.Context, subject string) ([]movie.UserRating, error) {
	rows, err := c.pool.Query(ctx, `SELECT movie_id, tenths / 10.0::double precision, rated_at FROM ratings WHERE subject = $1
		ORDER BY rated_at DESC, movie_id`, subject)
	return collect[movie.UserRating](c, rows, err)
}

// Rate stores what somebody thinks of a movie, from 0 to movie.MaxRating, rounded
// to tenths. The movie's figures follow with the next FoldRatings. Errors are as
// those of Watch.
func (c *Catalog) Rate(ctx context.Context, subject string, id int64, rating float64) error {
	return c.keep(ctx, "ratings", MaxRatings, subject, id,
		`INSERT INTO ratings (subject, movie_id, tenths) VALUES ($1, $2, $3) ON CONFLICT (subject, movie_id)
			DO UPDATE SET tenths = EXCLUDED.tenths, rated_at = now() WHERE ratings.tenths <> EXCLUDED.tenths`,
		subject, id, int16(math.Round(rating*10)))
}

// Unrate forgets what somebody thinks of a movie, if they said so.
func (c *Catalog) Unrate(ctx context.Context, subject string, id int64) error {
	return c.explain(c.change(ctx, lockOne, []any{id}, `DELETE FROM ratings WHERE subject = $1 AND movie_id = $2`, subject, id))
}

// Forget removes everything that somebody keeps.
func (c *Catalog) Forget(ctx context.Context, subject string) error {
	const lockRated = `SELECT FROM movies WHERE id IN (SELECT movie_id FROM ratings WHERE subject = $1) ORDER BY id FOR KEY SHARE`
	err := c.change(ctx, lockRated, []any{subject}, `WITH gone AS (DELETE FROM watchlist WHERE subject = $1) DELETE FROM ratings WHERE subject = $1`, subject)
	return c.explain(err)
}

// lockOne keeps a movie from being deleted meanwhile, and nobody else from rating
// or changing it.
const lockOne = `SELECT FROM movies WHERE id = $1 FOR KEY SHARE`

// change locks movies before it writes rows that belong to them, as whoever
// deletes a movie does, so that the two do not wait for each other in a circle.
// Both statements go to Postgres at once and are one transaction.
func (c *Catalog) change(ctx context.Context, lock string, locked []any, sql string, args ...any) error {
	var b pgx.Batch
	b.Queue(lock, locked...)
	b.Queue(sql, args...)
	return c.pool.SendBatch(ctx, &b).Close()
}

// keep writes into one of somebody's lists, which holds at most so many. The
// bound is looked at before, so requests at one moment may pass it by a few.
func (c *Catalog) keep(ctx context.Context, list string, most int, subject string, id int64, sql string, args ...any) error {
	var kept int
	var has bool
	err := c.pool.QueryRow(ctx, `SELECT count(*), coalesce(bool_or(movie_id = $2), false) FROM `+pgx.Identifier{list}.Sanitize()+` WHERE subject = $1`, subject, id).
		Scan(&kept, &has)
	if err != nil {
		return c.explain(err)
	}
	if kept >= most && !has {
		return isTaken(list, fmt.Sprintf("is full: it has %d movies; take one off first", kept))
	}
	err = c.change(ctx, lockOne, []any{id}, sql, args...)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == list+"_movie_id_fkey" {
		return noMovie(id)
	}
	return c.explain(err)
}

func collect[T any](c *Catalog, rows pgx.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, c.explain(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return all, c.explain(err)
}

// foldLock is held by the one process that folds ratings.
const foldLock = 0x6d6f766965730004

// maxFold bounds the movies of one batch.
const maxFold = 20_000

// FoldRatings brings what people have rated since the last call into the movies'
// figures, each movie once, and returns how many changes it took; while another
// process does so, none. To be called every second or so.
func (c *Catalog) FoldRatings(ctx context.Context) (taken int64, err error) {
	err = pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, foldLock).Scan(&mine); err != nil || !mine {
			return err
		}
		return tx.QueryRow(ctx, foldRatings, maxFold).Scan(&taken)
	})
	return taken, c.explain(err)
}

// A movie that is being deleted is left out: its rows go with it, and waiting for
// it while holding them would be a deadlock.
const foldRatings = `
WITH locked AS MATERIALIZED (
	SELECT id FROM movies WHERE id IN (SELECT DISTINCT movie_id FROM rating_changes LIMIT $1) ORDER BY id FOR KEY SHARE SKIP LOCKED
), taken AS (
	DELETE FROM rating_changes USING locked WHERE movie_id = locked.id RETURNING movie_id, votes, tenths
), folded AS (
	INSERT INTO rating_totals AS t (movie_id, votes, tenths)
		SELECT movie_id, sum(votes), sum(tenths) FROM taken GROUP BY movie_id HAVING sum(votes) <> 0 OR sum(tenths) <> 0 ORDER BY movie_id
	ON CONFLICT (movie_id) DO UPDATE SET votes = t.votes + EXCLUDED.votes, tenths = t.tenths + EXCLUDED.tenths
)
SELECT count(*) FROM taken`
