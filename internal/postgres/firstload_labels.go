package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/maypok86/otter/v2"

	"movies/internal/movie"
)

// labelIDs finds and makes genres, or keywords.
type labelIDs struct {
	table string
	known *otter.Cache[string, int64]
	rows  copyRows
}

func newLabelIDs(table string) labelIDs {
	return labelIDs{table: table, known: otter.Must(&otter.Options[string, int64]{MaximumSize: maxKnownNames})}
}

// ids gives the id of every name that is wanted; those that are missing it makes,
// in the order of names.
func (l *labelIDs) ids(ctx context.Context, tx pgx.Tx, lines []importLine, wanted func(*movie.Movie) []string) (map[string]int64, error) {
	ids := map[string]int64{}
	for i := range lines {
		for _, name := range wanted(&lines[i].movie) {
			if _, seen := ids[name]; !seen {
				ids[name], _ = l.known.GetIfPresent(name)
			}
		}
	}
	if err := l.find(ctx, tx, ids); err != nil {
		return nil, fmt.Errorf("find %s: %w", l.table, err)
	}
	missing := without(ids)
	fresh, err := nextIDs(ctx, tx, l.table, len(missing))
	if err != nil {
		return nil, err
	}
	for i, name := range missing {
		ids[name] = fresh[i]
		l.known.Set(strings.Clone(name), fresh[i])
		l.rows.row(2)
		l.rows.integer(int(fresh[i]))
		l.rows.text(name)
	}
	return ids, l.rows.copyInto(ctx, tx.Conn().PgConn(), l.table+" (id, name)")
}

// find asks the database for the names that have no id.
func (l *labelIDs) find(ctx context.Context, tx pgx.Tx, ids map[string]int64) error {
	ask := without(ids)
	if len(ask) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT name, id::bigint FROM `+l.table+` WHERE name = ANY ($1::text[])`, ask)
	if err != nil {
		return err
	}
	var name string
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&name, &id}, func() error {
		ids[name] = id
		l.known.Set(name, id)
		return nil
	})
	return err
}

// without are the names that have no id, sorted.
func without(ids map[string]int64) []string {
	var names []string
	for name, id := range ids {
		if id == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
