package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"movies/internal/movie"
)

// maxTries is how often a line is written anew after it lost against another
// transaction.
const maxTries = 5

// write writes lines of c in one transaction. When that cannot be, because two
// lines turn out to be about one movie, the database refuses a value, or others
// write the same movies all the time, it writes them in parts; a single line that
// is refused is rejected. Only the last part records the chunk's end as the
// position reached.
func (im *importer) write(ctx context.Context, c *chunk, lines []importLine, last bool) error {
	result, err := im.writeAgain(ctx, c, lines, last)
	var pgErr *pgconn.PgError
	switch {
	case err == nil && result.splitAt > 0:
		return im.writeParts(ctx, c, lines, last, result.splitAt)
	case err == nil:
		c.rejected = append(c.rejected, result.rejected...)
		c.counted = len(c.rejected)
		im.totals.add(result.totals)
		return nil
	case len(lines) > 1 && (lostRace(err) || refusesData(err)):
		return im.writeParts(ctx, c, lines, last, len(lines)/2)
	case len(lines) == 1 && refusesData(err) && errors.As(err, &pgErr):
		c.rejected = append(c.rejected, im.reject(lines[0], fmt.Errorf("%w: Postgres refuses it: %s", movie.ErrInvalid, pgErr.Message)))
		return im.write(ctx, c, nil, last)
	}
	return err
}

// writeAgain tries until the lines are written or something else stands in the
// way than other transactions: once more for many lines, more often for one.
func (im *importer) writeAgain(ctx context.Context, c *chunk, lines []importLine, last bool) (w written, err error) {
	tries := maxTries
	if len(lines) > 1 {
		tries = 2
	}
	for try := range tries {
		if w, err = im.tryWrite(ctx, c, lines, last); !lostRace(err) {
			return w, err
		}
		select {
		case <-ctx.Done():
			return w, ctx.Err()
		case <-time.After(time.Duration(try*try) * 50 * time.Millisecond):
		}
	}
	return w, err
}

func (im *importer) writeParts(ctx context.Context, c *chunk, lines []importLine, last bool, at int) error {
	if err := im.write(ctx, c, lines[:at], false); err != nil {
		return err
	}
	return im.write(ctx, c, lines[at:], last)
}

// written is what became of the lines of one transaction.
type written struct {
	totals   ImportTotals
	rejected []Rejection
	// splitAt, if above 0, is the index of a line that has to be written after
	// those before it; then nothing was written.
	splitAt int
}

func (im *importer) tryWrite(ctx context.Context, c *chunk, lines []importLine, last bool) (w written, err error) {
	err = pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		w = written{}
		if len(lines) > 0 {
			if err := im.writeLines(ctx, tx, lines, &w); err != nil || w.splitAt > 0 {
				return errors.Join(err, rollbackIf(w.splitAt > 0))
			}
		}
		w.totals.Rejected = int64(len(c.rejected) - c.counted + len(w.rejected))
		return im.recordProgress(ctx, tx, c, w.totals, last)
	})
	if errors.Is(err, errRollback) {
		err = nil
	}
	return w, err
}

var errRollback = errors.New("rolled back")

func rollbackIf(yes bool) error {
	if yes {
		return errRollback
	}
	return nil
}

// writeLines stages the lines and writes them to the catalogue.
func (im *importer) writeLines(ctx context.Context, tx pgx.Tx, lines []importLine, w *written) (err error) {
	if im.load != nil {
		if err := im.load.usual(ctx, tx); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, captureInserts(ctx, tx, false)) }()
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, namesLock); err != nil {
		return fmt.Errorf("wait for other writers: %w", err)
	}
	source := pgx.CopyFromSlice(len(lines), func(i int) ([]any, error) { return lines[i].row(), nil })
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"import_lines"}, stagedColumns, source); err != nil {
		return fmt.Errorf("stage lines: %w", err)
	}
	if err := execAll(ctx, tx, findMovies); err != nil {
		return fmt.Errorf("find movies: %w", err)
	}
	var second *int64
	if err := tx.QueryRow(ctx, secondMention).Scan(&second); err != nil {
		return fmt.Errorf("find movies: %w", err)
	}
	if second != nil {
		w.splitAt = slices.IndexFunc(lines, func(l importLine) bool { return l.number == *second })
		return nil
	}
	if err := im.rejectTaken(ctx, tx, lines, w); err != nil {
		return fmt.Errorf("find movies: %w", err)
	}
	write := writeStaged
	if im.info.FromIMDb {
		write = writeFromIMDb
	}
	if err := execAll(ctx, tx, placeMovies, write); err != nil {
		return err
	}
	return tx.QueryRow(ctx, countWritten).Scan(&w.totals.Created, &w.totals.Updated, &w.totals.Unchanged)
}

// rejectTaken takes out lines whose imdb_id another movie has.
func (im *importer) rejectTaken(ctx context.Context, tx pgx.Tx, lines []importLine, w *written) error {
	rows, err := tx.Query(ctx, takenIMDbIDs)
	if err != nil {
		return err
	}
	var number, id int64
	var imdbID, title string
	_, err = pgx.ForEachRow(rows, []any{&number, &imdbID, &id, &title}, func() error {
		i := slices.IndexFunc(lines, func(l importLine) bool { return l.number == number })
		w.rejected = append(w.rejected, im.reject(lines[i], movie.Invalid("imdb_id", fmt.Sprintf("%s is already that of movie %d, %q", imdbID, id, title))))
		return nil
	})
	return err
}

func (im *importer) reject(l importLine, err error) Rejection {
	return Rejection{File: im.info.Name, Line: l.number, Err: err, Text: l.text}
}

func execAll(ctx context.Context, tx pgx.Tx, groups ...[]string) error {
	for _, statements := range groups {
		for _, sql := range statements {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%.60s: %w", strings.Join(strings.Fields(sql), " "), err)
			}
		}
	}
	return nil
}

// lostRace tells whether another transaction is the reason and the same may
// succeed when tried again.
func lostRace(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && slices.Contains([]string{
		uniqueViolation, foreignKeyViolation, serializationFailure, deadlockDetected, lockNotAvailable}, pgErr.Code)
}

// refusesData tells whether the database refuses a value, not the statement.
func refusesData(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (strings.HasPrefix(pgErr.Code, "22") || strings.HasPrefix(pgErr.Code, "23"))
}
