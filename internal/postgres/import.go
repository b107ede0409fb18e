package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/movie"
)

// ImportOptions say how Import treats a source it has seen before and what it
// tells while it works. The functions are called from one goroutine; nil is
// allowed.
type ImportOptions struct {
	// Again imports a source that was finished, or begun, from its first line.
	Again bool
	// Rejected is told of every line that was not imported, in the order of
	// lines within a chunk, after the chunk around it has been committed.
	Rejected func(Rejection)
	// Progress is told the totals of the source at the beginning, which are above
	// zero when an earlier run is continued, and after every chunk.
	Progress func(ImportTotals)
	// Phase is told, after the last line of what filled an empty catalogue, each
	// step of its end: minutes for tens of millions of movies.
	Phase func(name string)
}

// Rejection is a line that was not imported.
type Rejection struct {
	File string
	Line int64
	// Err says what is wrong; its kind is usually movie.ErrInvalid.
	Err error
	// Text is the line; empty if it was too long.
	Text string
}

// ImportTotals counts the lines of one source, earlier runs included.
type ImportTotals struct {
	// Lines read, blank ones included.
	Lines     int64 `json:"lines"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
}

// Movies is how many lines were valid.
func (t ImportTotals) Movies() int64 { return t.Created + t.Updated + t.Unchanged }

func (t *ImportTotals) add(more ImportTotals) {
	t.Created += more.Created
	t.Updated += more.Updated
	t.Unchanged += more.Unchanged
	t.Rejected += more.Rejected
}

// ErrAlreadyImported means that the source was imported to its end before; the
// totals beside it are those of that import.
var ErrAlreadyImported = errors.New("already imported")

// Import brings the movies of a source into the catalogue. A line replaces the
// whole movie: what it leaves out becomes unknown, unless the source is sparse.
// Lines that change nothing write nothing, so importing a file twice is cheap and
// silent.
//
// Which movie a line is about: the one with its id; without id, the one with its
// imdb_id; without both, the one that an earlier line with the same title, year
// and directors made; otherwise a new one. Names without ids (no "people") stand
// first for a person of that name whom the movie credits already, then for the
// first person of that name, otherwise for a new one: namesakes exist only where
// "people" tells them apart, or the identifiers they have at IMDb.
//
// Lines are written in chunks of one transaction each, together with the
// position reached, so that a movie is never half-written and a second call goes
// on where the first was stopped. A line that cannot be imported is told to
// o.Rejected, and the rest goes on. Standard input starts at its beginning.
//
// An empty catalogue is filled faster, to the same result, and nobody else can
// write to it until the import has ended (firstload.go says how). Stopped, it is
// ended by the next import, of whatever.
func (c *Catalog) Import(ctx context.Context, source Source, o ImportOptions) (ImportTotals, error) {
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return ImportTotals{}, unreachable(err, c.pool.Config().ConnConfig)
	}
	defer conn.Release()
	im := &importer{conn: conn, source: source, info: source.Info(), options: o}
	unlock, err := im.prepare(ctx)
	if err != nil {
		return im.totals, err
	}
	defer unlock()
	im.tellProgress()
	if !im.ended {
		err = im.run(ctx)
	}
	return im.totals, err
}

// importer is one run over one source.
type importer struct {
	conn    *pgxpool.Conn
	source  Source
	info    SourceInfo
	options ImportOptions
	totals  ImportTotals
	load    *load // nil for an import into a catalogue that has movies
	ended   bool  // nothing is left to read
}

// lockPatience is how long an import waits for another to end: long enough for
// the server to notice that the process of a killed one is gone.
const lockPatience = 5 * time.Second

// prepare makes sure that this is the only import, creates the staging tables
// and goes to where an earlier run was stopped.
func (im *importer) prepare(ctx context.Context) (unlock func(), err error) {
	if err := im.lock(ctx); err != nil {
		return nil, err
	}
	unlock = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := im.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, importLock); err != nil {
			_ = im.conn.Conn().Close(ctx) // the lock ends with its connection
		}
	}
	if _, err = im.conn.Exec(ctx, createStaging); err == nil {
		err = im.resume(ctx)
	}
	if errors.Is(err, ErrAlreadyImported) {
		var stopped bool // behind the last line
		var finishing error
		if stopped, finishing = im.finishLoad(ctx); stopped {
			im.ended, err = true, finishing
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lock takes importLock for the connection.
func (im *importer) lock(ctx context.Context) error {
	var pgErr *pgconn.PgError
	err := pgx.BeginFunc(ctx, im.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d`, lockPatience.Milliseconds())); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SELECT pg_advisory_lock($1)`, importLock)
		return err
	})
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == lockNotAvailable:
		return fmt.Errorf("%w: another import into this database is running; wait for it or stop it", movie.ErrConflict)
	case err != nil:
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

// run reads and writes side by side, one chunk ahead. It does not wait for a
// read that blocks, as one of standard input may.
func (im *importer) run(ctx context.Context) error {
	type read struct {
		chunk *chunk
		err   error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reads := make(chan read)
	chunks := chunkReader{source: im.source, info: im.info}
	go func() {
		for {
			next, err := chunks.next()
			select {
			case reads <- read{next, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || next.last {
				return
			}
		}
	}()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case next := <-reads:
			if next.err != nil {
				return next.err
			}
			if first {
				var err error
				if im.load, err = im.startLoad(ctx, !next.chunk.last); err != nil {
					return fmt.Errorf("begin the first load: %w", err)
				}
			}
			if err := im.commit(ctx, next.chunk); err != nil {
				return fmt.Errorf("import of %s, lines up to %d: %w", im.info.Name, next.chunk.end.Lines, err)
			}
			if next.chunk.last {
				_, err := im.finishLoad(ctx)
				return err
			}
		}
	}
}

// commit writes a chunk and tells what became of it.
func (im *importer) commit(ctx context.Context, c *chunk) error {
	written := false
	if im.load != nil {
		var err error
		if written, err = im.load.write(ctx, c); err != nil {
			return err
		}
	}
	if !written {
		if err := im.write(ctx, c, c.lines, true); err != nil {
			return err
		}
	}
	im.totals.Lines = c.end.Lines
	slices.SortFunc(c.rejected, func(a, b Rejection) int { return int(a.Line - b.Line) })
	if im.options.Rejected != nil {
		for _, r := range c.rejected {
			im.options.Rejected(r)
		}
	}
	im.tellProgress()
	return nil
}

func (im *importer) tellProgress() {
	if im.options.Progress != nil {
		im.options.Progress(im.totals)
	}
}
