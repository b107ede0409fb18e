package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The first load of an empty catalogue. Most of what a row costs is not the row:
// of a COPY into the finished tables two thirds are foreign keys, checked one by
// one, and a sixth is change capture and the indexes that nothing needs before the
// end (measured by the server's processor time). So while an empty catalogue is
// filled
//
//   - foreign keys are not enforced, and are checked all at once at the end;
//   - indexes that are not unique do not exist, and are built at the end;
//   - a chunk of movies that are all new goes straight into the tables, its change
//     message written by the load itself, so that an index that is fed misses
//     nothing (firstload_chunk.go); any other chunk goes the usual way;
//   - nobody else can write to the catalogue.
//
// The row in first_load says so, and outlives the process: an import that finds
// it goes on with it, whatever it imports, and leaves the catalogue finished.

// ownedTables are those of the rows that movies own, and what importing
// remembers of movies; sharedTables are those that others refer to.
var (
	ownedTables  = []string{"credits", "akas", "movie_genres", "movie_keywords", "import_keys"}
	sharedTables = []string{"movies", "people", "genres", "keywords"}
)

// captureOfInserts are the triggers that a load replaces by a message of its own.
var captureOfInserts = []string{"movies", "credits", "akas", "movie_genres", "movie_keywords"}

// startLoad goes on with a first load that has not ended. Otherwise it begins one
// if the catalogue is empty and many, more than a chunk, are to come; it does not
// when somebody uses the tables or they belong to another role.
func (im *importer) startLoad(ctx context.Context, many bool) (*load, error) {
	var begun bool
	err := im.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM first_load)`).Scan(&begun)
	if err == nil && !begun && many {
		begun, err = im.beginLoad(ctx)
	}
	if err != nil || !begun {
		return nil, err
	}
	return newLoad(ctx, im)
}

func (im *importer) beginLoad(ctx context.Context) (begun bool, err error) {
	err = pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM movies)`).Scan(&begun); err != nil || !begun {
			return err
		}
		tables := slices.Concat(sharedTables, ownedTables)
		lock := fmt.Sprintf(`SET LOCAL lock_timeout = %d; LOCK TABLE %s IN ACCESS EXCLUSIVE MODE`, lockPatience.Milliseconds(), strings.Join(tables, ", "))
		if _, err := tx.Exec(ctx, lock); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM movies)`).Scan(&begun); err != nil || !begun {
			return err
		}
		return suspend(ctx, tx, im.info.Name)
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && slices.Contains([]string{lockNotAvailable, deadlockDetected, insufficientPrivilege}, pgErr.Code) {
		return false, nil
	}
	return begun, err
}

// suspend takes away what is paid for at the end.
func suspend(ctx context.Context, tx pgx.Tx, source string) error {
	const remember = `
		INSERT INTO first_load (source, indexes) SELECT $1, coalesce(array_agg(
			replace(pg_get_indexdef(indexrelid), 'CREATE INDEX ', 'CREATE INDEX IF NOT EXISTS ') ORDER BY indexrelid), '{}')
		FROM pg_index WHERE indrelid = ANY ($2::text[]::regclass[]) AND NOT indisunique`
	if _, err := tx.Exec(ctx, remember, source, ownedTables); err != nil {
		return err
	}
	err := execEach(ctx, tx, `SELECT format('DROP INDEX %s', indexrelid::regclass)
		FROM pg_index WHERE indrelid = ANY ($1::text[]::regclass[]) AND NOT indisunique`, ownedTables)
	if err != nil {
		return err
	}
	err = execEach(ctx, tx, `SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I NOT ENFORCED', conrelid::regclass, conname)
		FROM pg_constraint WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype = 'f'`, ownedTables)
	if err != nil {
		return err
	}
	for _, table := range slices.Concat(sharedTables, ownedTables) {
		sql := fmt.Sprintf(`CREATE TRIGGER first_load BEFORE INSERT OR UPDATE OR DELETE ON %[1]s EXECUTE FUNCTION refuse_during_first_load();
			ALTER TABLE %[1]s ENABLE ALWAYS TRIGGER first_load`, table)
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return captureInserts(ctx, tx, false)
}

// captureInserts switches the triggers that capture new rows on or off.
func captureInserts(ctx context.Context, tx pgx.Tx, on bool) error {
	to := "DISABLE"
	if on {
		to = "ENABLE ALWAYS"
	}
	for _, table := range captureOfInserts {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`ALTER TABLE %[1]s %[2]s TRIGGER %[1]s_inserted`, table, to)); err != nil {
			return err
		}
	}
	return nil
}

// execEach runs the statements that a query returns.
func execEach(ctx context.Context, tx pgx.Tx, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	return execAll(ctx, tx, statements)
}

// finishLoad brings back what a first load has suspended; pending is false if none
// is to be ended. Stopped anywhere it goes on when it is called again.
func (im *importer) finishLoad(ctx context.Context) (pending bool, err error) {
	var indexes []string
	err = im.conn.QueryRow(ctx, `SELECT indexes FROM first_load`).Scan(&indexes)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	for _, index := range indexes {
		if err == nil {
			name, _, _ := strings.Cut(strings.TrimPrefix(index, "CREATE INDEX IF NOT EXISTS "), " ")
			err = im.phase(ctx, "index "+name, func(tx pgx.Tx) error { return execAll(ctx, tx, []string{index}) })
		}
	}
	if err == nil {
		err = im.phase(ctx, "statistics", func(tx pgx.Tx) error {
			return execAll(ctx, tx, []string{"ANALYZE " + strings.Join(slices.Concat(sharedTables, ownedTables), ", ")})
		})
	}
	if err == nil {
		err = im.phase(ctx, "foreign keys", func(tx pgx.Tx) error { return resumeAll(ctx, tx) })
	}
	if err != nil {
		return true, fmt.Errorf("end the first load: %w", err)
	}
	return true, nil
}

// phase runs one step of the end in a transaction.
func (im *importer) phase(ctx context.Context, name string, work func(pgx.Tx) error) error {
	if im.options.Phase != nil {
		im.options.Phase(name)
	}
	return pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL work_mem = '256MB'`); err != nil {
			return err
		}
		return work(tx)
	})
}

// resumeAll brings everything but the indexes back, all at once.
func resumeAll(ctx context.Context, tx pgx.Tx) error {
	err := execEach(ctx, tx, `SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I ENFORCED', conrelid::regclass, conname)
		FROM pg_constraint WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype = 'f' AND NOT conenforced`, ownedTables)
	if err != nil {
		return err
	}
	if err := captureInserts(ctx, tx, true); err != nil {
		return err
	}
	for _, table := range slices.Concat(sharedTables, ownedTables) {
		if _, err := tx.Exec(ctx, `DROP TRIGGER first_load ON `+table); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM first_load`)
	return err
}
