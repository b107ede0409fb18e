package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/movie"
)

// load is a first load under way.
type load struct {
	im    *importer
	names *loadNames
	// label is the type of the elements of lists within a movie's row.
	label uint32

	movies, credits, akas, genres, keywords, keys copyRows
}

func newLoad(ctx context.Context, im *importer) (*load, error) {
	l := &load{im: im, names: newLoadNames()}
	err := im.conn.QueryRow(ctx, `SELECT 'label'::regtype::oid`).Scan(&l.label)
	return l, err
}

// errNotPlain means that a chunk is not made of new movies alone, or renames
// somebody: it has to go the usual way.
var errNotPlain = errors.New("not only new movies")

// write writes a chunk straight into the tables, with the outcome that the usual
// way has, if that can be; it reports false if it cannot, and has done nothing then.
func (l *load) write(ctx context.Context, c *chunk) (written bool, err error) {
	if len(c.lines) == 0 {
		return false, nil
	}
	totals := ImportTotals{Created: int64(len(c.lines)), Rejected: int64(len(c.rejected) - c.counted)}
	err = pgx.BeginFunc(ctx, l.im.conn, func(tx pgx.Tx) error {
		if err := l.writeLines(ctx, tx, c.lines); err != nil {
			return err
		}
		return l.im.recordProgress(ctx, tx, c, totals, true)
	})
	if err != nil {
		l.forget(c)
		if errors.Is(err, errNotPlain) || refusesData(err) || lostRace(err) {
			return false, nil
		}
		return false, err
	}
	c.counted = len(c.rejected)
	l.im.totals.add(totals)
	return true, nil
}

// settings of a chunk's transaction: it is the load; a crash may take back the
// last few chunks with the progress they recorded; tables of unknown size are
// read by their indexes.
const loadSettings = `
SET LOCAL movies.first_load = on;
SET LOCAL synchronous_commit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off`

func (l *load) writeLines(ctx context.Context, tx pgx.Tx, lines []importLine) error {
	if _, err := tx.Exec(ctx, loadSettings); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, namesLock); err != nil {
		return fmt.Errorf("wait for other writers: %w", err)
	}
	if err := onlyNew(ctx, tx, lines); err != nil {
		return err
	}
	fromIMDb, people := l.im.info.FromIMDb, loadCredits(lines)
	who, err := l.names.find(ctx, tx, people, fromIMDb)
	if err != nil {
		return err
	}
	if err := place(ctx, tx, lines); err != nil {
		return err
	}
	if err := l.names.create(ctx, tx, who, people, fromIMDb); err != nil {
		return err
	}
	genres, err := l.names.genres.ids(ctx, tx, lines, func(m *movie.Movie) []string { return m.Genres })
	if err != nil {
		return err
	}
	keywords, err := l.names.keywords.ids(ctx, tx, lines, func(m *movie.Movie) []string { return m.Keywords })
	if err != nil {
		return err
	}
	ids := make([]int64, len(lines))
	for i := range lines {
		m := &lines[i].movie
		ids[i] = m.ID
		l.movie(m, lines[i].key)
		listed(&l.genres, m.ID, m.Genres, genres)
		listed(&l.keywords, m.ID, m.Keywords, keywords)
	}
	for i := range people {
		c := &people[i]
		l.credits.row(4)
		l.credits.bigint(ids[c.line])
		l.credits.bigint(c.person)
		l.credits.smallint(c.position)
		l.credits.text(c.role)
	}
	if err := l.copyAll(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT emit_changes('', $1)`, ids); err != nil {
		return fmt.Errorf("announce the movies: %w", err)
	}
	return nil
}

// onlyNew makes sure that no line is about a movie that is there.
func onlyNew(ctx context.Context, tx pgx.Tx, lines []importLine) error {
	var ids []int64
	var imdbIDs []string
	var keys [][]byte
	for i := range lines {
		l := &lines[i]
		if l.movie.ID != 0 {
			ids = append(ids, l.movie.ID)
		}
		if l.movie.IMDbID != "" {
			imdbIDs = append(imdbIDs, l.movie.IMDbID)
		}
		if l.key != nil {
			keys = append(keys, l.key)
		}
	}
	var known bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM movies WHERE id = ANY ($1)) OR EXISTS (SELECT FROM movies WHERE imdb_id = ANY ($2))
		OR EXISTS (SELECT FROM import_keys WHERE key = ANY ($3))`, ids, imdbIDs, keys).Scan(&known)
	switch {
	case err != nil:
		return fmt.Errorf("find movies: %w", err)
	case known:
		return errNotPlain
	}
	return nil
}

// place gives ids to the movies without, as placeMovies does.
func place(ctx context.Context, tx pgx.Tx, lines []importLine) error {
	var unplaced []*movie.Movie
	highest := int64(0)
	for i := range lines {
		switch m := &lines[i].movie; {
		case m.ID == 0:
			unplaced = append(unplaced, m)
			lines[i].placed = true
		case m.ID < 1<<53:
			highest = max(highest, m.ID)
		}
	}
	_, err := tx.Exec(ctx, `SELECT setval('movies_id_seq', wanted.id) FROM movies_id_seq,
		(SELECT greatest((SELECT max(id) FROM movies WHERE id < 1::bigint << 53), nullif($1::bigint, 0)) AS id) AS wanted
		WHERE wanted.id > last_value OR wanted.id = last_value AND NOT is_called`, highest)
	if err != nil {
		return fmt.Errorf("place movies: %w", err)
	}
	ids, err := nextIDs(ctx, tx, "movies", len(unplaced))
	for i := range ids {
		unplaced[i].ID = ids[i]
	}
	return err
}

// movie adds the row of a movie and those of its other titles.
func (l *load) movie(m *movie.Movie, key []byte) {
	r := &l.movies
	r.row(16)
	r.bigint(m.ID)
	r.textOrNull(m.IMDbID)
	r.text(m.Title)
	r.textOrNull(m.OriginalTitle)
	r.integerOrNull(m.Year)
	if day, err := time.Parse(time.DateOnly, m.ReleaseDate); err == nil {
		r.integer(int(day.Sub(epoch2000) / (24 * time.Hour)))
	} else {
		r.null()
	}
	r.integerOrNull(m.Runtime)
	r.textOrNull(m.Overview)
	r.doubleOrNull(m.Rating)
	r.bigint(m.Votes)
	r.doubleOrNull(m.Popularity)
	r.textOrNull(m.PosterURL)
	r.boolean(m.Adult)
	r.array(l.label, m.Languages)
	r.array(l.label, m.Countries)
	r.array(l.label, m.Characters)
	for i, title := range m.Akas {
		l.akas.row(3)
		l.akas.bigint(m.ID)
		l.akas.smallint(i + 1)
		l.akas.text(title)
	}
	if key != nil {
		l.keys.row(2)
		l.keys.bytes(key)
		l.keys.bigint(m.ID)
	}
}

// epoch2000 is the day from which Postgres counts days.
var epoch2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// listed adds the rows of a list of a movie's genres or keywords.
func listed(r *copyRows, movieID int64, names []string, ids map[string]int64) {
	for i, name := range names {
		r.row(3)
		r.bigint(movieID)
		r.integer(int(ids[name]))
		r.smallint(i + 1)
	}
}

func (l *load) copyAll(ctx context.Context, tx pgx.Tx) error {
	conn := tx.Conn().PgConn()
	for _, t := range []struct {
		rows   *copyRows
		target string
	}{
		{&l.movies, "movies (id, imdb_id, title, original_title, year, release_date, runtime, overview, rating, votes, popularity, poster_url, adult, " +
			"languages, countries, characters)"},
		{&l.credits, "credits (movie_id, person_id, position, role)"},
		{&l.akas, "akas (movie_id, position, title)"},
		{&l.genres, "movie_genres (movie_id, genre_id, position)"},
		{&l.keywords, "movie_keywords (movie_id, keyword_id, position)"},
		{&l.keys, "import_keys (key, movie_id)"},
	} {
		if err := t.rows.copyInto(ctx, conn, t.target); err != nil {
			return err
		}
	}
	return nil
}

// forget undoes what is left of a chunk that was not written.
func (l *load) forget(c *chunk) {
	l.names.forget()
	for i := range c.lines {
		if c.lines[i].placed {
			c.lines[i].placed, c.lines[i].movie.ID = false, 0
		}
	}
	for _, r := range []*copyRows{&l.movies, &l.credits, &l.akas, &l.genres, &l.keywords, &l.keys} {
		r.b = r.b[:0]
	}
}

// usual prepares a transaction of the first load that goes the usual way; its last
// statement is to switch capture off again.
func (l *load) usual(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SET LOCAL movies.first_load = on`); err != nil {
		return err
	}
	return captureInserts(ctx, tx, true)
}
