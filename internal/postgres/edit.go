package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/movie"
)

// Connect is Open for a process that must start and go on without Postgres: it
// connects when the catalogue is first used, and only a url that is not valid is
// an error.
func Connect(url string) (*Catalog, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL (--database-url) must be a libpq URL such as postgres://user:password@host:5432/movies")
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	return &Catalog{pool: pool}, nil
}

// Movie returns a movie as editors see it: with the imported rating and votes,
// without those of users. It is an ErrNotFound where there is none.
func (c *Catalog) Movie(ctx context.Context, id int64) (movie.Movie, error) {
	m, err := one(ctx, c.pool, selectStored, id)
	return m, c.explain(err)
}

// one reads a movie that exists, by selectStored or selectDocuments.
func one(ctx context.Context, q Querier, sql string, id int64) (movie.Movie, error) {
	found, err := queryDocuments(ctx, q, sql+`WHERE m.id = $1`, id)
	if err == nil && len(found) == 0 {
		err = noMovie(id)
	}
	if err != nil {
		return movie.Movie{}, err
	}
	return found[0], nil
}

func noMovie(id int64) error { return fmt.Errorf("%w: there is no movie %d", movie.ErrNotFound, id) }

// Create stores a new movie and returns it as readers will see it. An id or
// imdb_id that another movie has is both an ErrConflict and an InvalidError that
// names it.
func (c *Catalog) Create(ctx context.Context, m movie.Movie, e movie.Edit) (movie.Movie, error) {
	var stored movie.Movie
	err := c.edit(ctx, func(tx pgx.Tx) error {
		if m.ID != 0 {
			taken, err := queryIDs(ctx, tx, `SELECT id FROM movies WHERE id = $1`, m.ID)
			if err == nil && len(taken) > 0 {
				err = isTaken("id", fmt.Sprintf("%d is already that of another movie; leave it out to get a free one", m.ID))
			}
			if err != nil {
				return err
			}
		}
		id, err := writeMovie(ctx, tx, m)
		if err != nil {
			return err
		}
		if stored, err = one(ctx, tx, selectStored, id); err != nil {
			return err
		}
		return audit(ctx, tx, "create", e.By, nil, &stored)
	})
	return stored, err
}

// Replace stores everything about the movie with m.ID anew and returns it as
// readers will see it. An edit that changes nothing leaves the revision as it is.
func (c *Catalog) Replace(ctx context.Context, m movie.Movie, e movie.Edit) (movie.Movie, error) {
	var shown movie.Movie
	err := c.edit(ctx, func(tx pgx.Tx) error {
		before, err := lockMovie(ctx, tx, m.ID, e.Revision)
		if err != nil {
			return err
		}
		if shown, err = one(ctx, tx, selectDocuments, m.ID); err != nil {
			return err
		}
		write := m
		if !e.Figures && shown.Votes != before.Votes {
			write.Rating, write.Votes = before.Rating, before.Votes
		}
		if _, err := writeMovie(ctx, tx, write); err != nil {
			return err
		}
		stored, err := one(ctx, tx, selectStored, m.ID)
		if err != nil || stored.Revision == before.Revision {
			return err
		}
		if shown, err = one(ctx, tx, selectDocuments, m.ID); err != nil {
			return err
		}
		return audit(ctx, tx, "change", e.By, &before, &stored)
	})
	return shown, err
}

// Delete removes a movie with everything it owns.
func (c *Catalog) Delete(ctx context.Context, id int64, e movie.Edit) error {
	return c.edit(ctx, func(tx pgx.Tx) error {
		before, err := lockMovie(ctx, tx, id, e.Revision)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM movies WHERE id = $1`, id); err != nil {
			return err
		}
		return audit(ctx, tx, "delete", e.By, &before, nil)
	})
}

// edit runs one transaction, anew when it lost against another one. It takes the
// lock on names before any row, as an import does, so that the two wait for each
// other and never in a circle.
func (c *Catalog) edit(ctx context.Context, change func(pgx.Tx) error) error {
	var err error
	for try := range maxTries {
		err = pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, createStaging+`; SET LOCAL enable_seqscan = off`); err != nil { // nobody knows the size of a staging table
				return err
			}
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, namesLock); err != nil {
				return err
			}
			return change(tx)
		})
		if !lostRace(err) {
			break
		}
		select {
		case <-ctx.Done():
			return c.explain(ctx.Err())
		case <-time.After(time.Duration(try*try) * 10 * time.Millisecond):
		}
	}
	return c.explain(err)
}

// lockMovie returns the movie as it is stored, if it is still at the revision;
// nobody else changes it until the transaction ends. People who rate it or put it
// on a list do not wait.
func lockMovie(ctx context.Context, tx pgx.Tx, id, revision int64) (movie.Movie, error) {
	var current int64
	err := tx.QueryRow(ctx, `SELECT revision FROM movies WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&current)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return movie.Movie{}, noMovie(id)
	case err != nil:
		return movie.Movie{}, err
	case current != revision:
		return movie.Movie{}, fmt.Errorf("%w: movie %d is at revision %d, not %d: read it again and repeat the change", movie.ErrConflict, id, current, revision)
	}
	return one(ctx, tx, selectStored, id)
}

// writeMovie writes one movie as an import writes a line, and returns its id.
// Without an id it is a new movie.
func writeMovie(ctx context.Context, tx pgx.Tx, m movie.Movie) (id int64, err error) {
	line := importLine{number: 1, movie: m}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"import_lines"}, stagedColumns, pgx.CopyFromRows([][]any{line.row()})); err != nil {
		return 0, fmt.Errorf("stage the movie: %w", err)
	}
	if err := execAll(ctx, tx, placeMovies); err != nil {
		return 0, err
	}
	if err := tx.QueryRow(ctx, `SELECT id FROM import_lines`).Scan(&id); err != nil {
		return 0, err
	}
	others, err := queryIDs(ctx, tx, `SELECT id FROM movies WHERE imdb_id = $1 AND id <> $2`, m.IMDbID, id)
	if err == nil && len(others) > 0 {
		err = isTaken("imdb_id", fmt.Sprintf("%s is already that of movie %d", m.IMDbID, others[0]))
	}
	if err != nil {
		return 0, err
	}
	return id, execAll(ctx, tx, writeStaged)
}

// isTaken is the error of a value that only one movie can have.
func isTaken(field, detail string) error {
	return fmt.Errorf("%w: %w", movie.ErrConflict, movie.Invalid(field, detail))
}

func audit(ctx context.Context, tx pgx.Tx, action, by string, before, after *movie.Movie) error {
	about := after
	if about == nil {
		about = before
	}
	_, err := tx.Exec(ctx, `INSERT INTO edits (movie_id, action, editor, before, after) VALUES ($1, $2, $3, $4, $5)`,
		about.ID, action, by, before, after)
	return err
}

// explain turns what Postgres says about one write or read into the kinds of
// package movie.
func (c *Catalog) explain(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, movie.ErrNotFound), errors.Is(err, movie.ErrConflict), errors.Is(err, movie.ErrInvalid):
		return err
	case errors.As(err, &refused) && refusesData(refused):
		return movie.Invalid("movie", "is refused by Postgres: "+refused.Message)
	case errors.As(err, &refused) && !passes(refused.Code):
		return err
	}
	return unreachable(err, c.pool.Config().ConnConfig)
}

// passes tells whether the reason is one that passes: the server starts, stops,
// is full or a standby now, the query took too long, the schema is not there yet.
func passes(code string) bool {
	switch code[:2] {
	case "08", "25", "28", "3D", "40", "53", "55", "57", "58":
		return true
	}
	return code == undefinedTable
}
