package postgres

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/maypok86/otter/v2"

	"movies/internal/movie"
)

// maxKnownNames bounds each of the memories below: what it has no room for is
// looked up in the database, once a chunk.
const maxKnownNames = 1 << 20

// loadNames finds the rows that movies share, and makes those that are missing.
// It remembers who is there as long as it is told of all who come: forget it after
// anything else has written.
type loadNames struct {
	byID  *otter.Cache[int64, uint64]       // hash of the person's name
	byKey *otter.Cache[string, namedPerson] // by name, or by identifier at IMDb
	seed  maphash.Seed
	rows  copyRows

	genres, keywords labelIDs
}

type namedPerson struct {
	id   int64
	name uint64 // its hash
}

func newLoadNames() *loadNames {
	return &loadNames{
		byID:     otter.Must(&otter.Options[int64, uint64]{MaximumSize: maxKnownNames}),
		byKey:    otter.Must(&otter.Options[string, namedPerson]{MaximumSize: maxKnownNames}),
		seed:     maphash.MakeSeed(),
		genres:   newLabelIDs("genres"),
		keywords: newLabelIDs("keywords"),
	}
}

func (n *loadNames) forget() {
	n.byID.InvalidateAll()
	n.byKey.InvalidateAll()
	n.genres.known.InvalidateAll()
	n.keywords.known.InvalidateAll()
	n.rows.b, n.genres.rows.b, n.keywords.rows.b = n.rows.b[:0], n.genres.rows.b[:0], n.keywords.rows.b[:0]
}

// loadCredit is a credit on its way to its person.
type loadCredit struct {
	line            int   // index in the chunk
	person          int64 // 0 until it is known
	name, key, role string
	position        int
}

// loadCredits are the credits of the lines: directors before cast, as creditsOf.
func loadCredits(lines []importLine) []loadCredit {
	all := make([]loadCredit, 0, 12*len(lines))
	for i := range lines {
		m := &lines[i].movie
		for _, list := range []struct {
			role  movie.Role
			names []string
		}{{movie.RoleDirector, m.Directors}, {movie.RoleCast, m.Cast}} {
			position := 0
			if len(m.People) == 0 {
				for _, name := range list.names {
					position++
					all = append(all, loadCredit{line: i, name: name, role: string(list.role), position: position})
				}
			}
			for j := range m.People {
				if p := &m.People[j]; p.Role == list.role {
					position++
					all = append(all, loadCredit{line: i, person: p.ID, name: p.Name, key: p.IMDbID, role: string(list.role), position: position})
				}
			}
		}
	}
	return all
}

// cast is who the credits of a chunk are about.
type cast struct {
	names map[string]string // by key: a name, or an identifier at IMDb
	found map[string]int64  // the person of a key; newcomers come in create
	fresh []string          // keys nobody has yet, in the order of their first mention
	given map[int64]string  // people with ids of their own; after find those who are new
	last  int64             // the highest of all given ids that counts for new ones
}

// find finds the people of the credits; nobody is made yet. It is errNotPlain when
// somebody is known by another name.
func (n *loadNames) find(ctx context.Context, tx pgx.Tx, credits []loadCredit, fromIMDb bool) (*cast, error) {
	who := &cast{names: map[string]string{}, found: map[string]int64{}, given: map[int64]string{}}
	var keys []string
	for i := range credits {
		c := &credits[i]
		switch {
		case fromIMDb && (c.key == "" || c.person != 0):
			return who, errNotPlain
		case !fromIMDb:
			c.key = c.name
		}
		if c.person != 0 {
			if name, mentioned := who.given[c.person]; mentioned && name != c.name {
				return who, errNotPlain
			}
			who.given[c.person] = c.name
			if c.person < 1<<53 {
				who.last = max(who.last, c.person)
			}
			continue
		}
		name, mentioned := who.names[c.key]
		switch {
		case !mentioned:
			who.names[c.key] = c.name
			keys = append(keys, c.key)
		case name != c.name:
			return who, errNotPlain
		}
	}
	if err := n.findGiven(ctx, tx, who); err != nil {
		return who, err
	}
	if err := n.findKeys(ctx, tx, who, keys, fromIMDb); err != nil {
		return who, err
	}
	if !fromIMDb {
		n.first(who)
	}
	for _, key := range keys {
		if who.found[key] == 0 {
			who.fresh = append(who.fresh, key)
		}
	}
	return who, nil
}

// findGiven leaves those in given who are new.
func (n *loadNames) findGiven(ctx context.Context, tx pgx.Tx, who *cast) error {
	var ask []int64
	for id, name := range who.given {
		hash, known := n.byID.GetIfPresent(id)
		switch {
		case !known:
			ask = append(ask, id)
		case hash != maphash.String(n.seed, name):
			return errNotPlain
		default:
			delete(who.given, id)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	slices.Sort(ask) // neighbours share pages
	rows, err := tx.Query(ctx, `SELECT id, name FROM people WHERE id = ANY ($1)`, ask)
	if err != nil {
		return fmt.Errorf("find people: %w", err)
	}
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		if who.given[id] != name {
			return errNotPlain
		}
		delete(who.given, id)
		n.byID.Set(id, maphash.String(n.seed, name))
		return nil
	})
	return err
}

// findKeys finds those who are known by a name alone, the first of namesakes, or
// by an identifier at IMDb.
func (n *loadNames) findKeys(ctx context.Context, tx pgx.Tx, who *cast, keys []string, fromIMDb bool) error {
	var ask []string
	for _, key := range keys {
		p, known := n.byKey.GetIfPresent(key)
		switch {
		case !known:
			ask = append(ask, key)
		case p.name != maphash.String(n.seed, who.names[key]):
			return errNotPlain
		default:
			who.found[key] = p.id
		}
	}
	if len(ask) == 0 {
		return nil
	}
	query := `SELECT name, name, min(id) FROM people WHERE name = ANY ($1::text[]) GROUP BY name`
	if fromIMDb {
		query = `SELECT imdb_id, name, id FROM people WHERE imdb_id = ANY ($1)`
	}
	slices.Sort(ask)
	rows, err := tx.Query(ctx, query, ask)
	if err != nil {
		return fmt.Errorf("find people: %w", err)
	}
	var key, name string
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&key, &name, &id}, func() error {
		if who.names[key] != name {
			return errNotPlain
		}
		who.found[key] = id
		n.byKey.Set(key, namedPerson{id, maphash.String(n.seed, name)})
		return nil
	})
	return err
}

// first lets names stand for newcomers with ids of their own where these are the
// first of the name.
func (n *loadNames) first(who *cast) {
	for id, name := range who.given {
		if p, known := n.byKey.GetIfPresent(name); known && id < p.id {
			n.byKey.Invalidate(name)
		}
		if _, wanted := who.names[name]; wanted && (who.found[name] == 0 || id < who.found[name]) {
			who.found[name] = id
		}
	}
}

// create makes the newcomers and puts everybody into the credits.
func (n *loadNames) create(ctx context.Context, tx pgx.Tx, who *cast, credits []loadCredit, fromIMDb bool) error {
	for _, id := range slices.Sorted(maps.Keys(who.given)) {
		n.person(id, who.given[id], "")
		n.byID.Set(id, maphash.String(n.seed, who.given[id]))
	}
	if who.last > 0 {
		_, err := tx.Exec(ctx, `SELECT setval('people_id_seq', $1) FROM people_id_seq WHERE $1 > last_value OR $1 = last_value AND NOT is_called`, who.last)
		if err != nil {
			return err
		}
	}
	ids, err := nextIDs(ctx, tx, "people", len(who.fresh))
	if err != nil {
		return err
	}
	for i, key := range who.fresh {
		imdbID := ""
		if fromIMDb {
			imdbID = key
		}
		n.person(ids[i], who.names[key], imdbID)
		who.found[key] = ids[i]
		n.byKey.Set(strings.Clone(key), namedPerson{ids[i], maphash.String(n.seed, who.names[key])})
	}
	for i := range credits {
		if c := &credits[i]; c.person == 0 {
			c.person = who.found[c.key]
		}
	}
	return n.rows.copyInto(ctx, tx.Conn().PgConn(), "people (id, name, imdb_id)")
}

func (n *loadNames) person(id int64, name, imdbID string) {
	n.rows.row(3)
	n.rows.bigint(id)
	n.rows.text(name)
	n.rows.textOrNull(imdbID)
}

// nextIDs takes the next n ids of a table.
func nextIDs(ctx context.Context, tx pgx.Tx, table string, n int) ([]int64, error) {
	if n == 0 {
		return nil, nil
	}
	ids, err := queryIDs(ctx, tx, `SELECT nextval($1::text::regclass) FROM generate_series(1, $2)`, table+"_id_seq", n)
	if err != nil {
		return nil, fmt.Errorf("take ids: %w", err)
	}
	return ids, nil
}
