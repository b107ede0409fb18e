package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

var errNotFound = errors.New("not found")

// mostCounted is how far matches are counted, as in the service.
const mostCounted = 10_000

type catalogue struct{ pool *pgxpool.Pool }

func (c *catalogue) movie(ctx context.Context, id string) (doc string, err error) {
	if strings.HasPrefix(id, "tt") {
		err = c.pool.QueryRow(ctx, `SELECT doc FROM ref_movies WHERE imdb_id = $1`, id).Scan(&doc)
	} else {
		n, _ := strconv.ParseInt(id, 10, 64)
		err = c.pool.QueryRow(ctx, `SELECT doc FROM ref_movies WHERE id = $1`, n).Scan(&doc)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNotFound
	}
	return doc, err
}

func (c *catalogue) movies(ctx context.Context, names []string) (string, error) {
	var ids []int64
	for _, name := range names {
		n, _ := strconv.ParseInt(name, 10, 64)
		ids = append(ids, n)
	}
	items, err := c.column(ctx, `SELECT doc FROM ref_movies WHERE id = ANY($1)`, ids)
	return page(items, len(items), ""), err
}

// suggest completes titles and names, the best known first.
func (c *catalogue) suggest(ctx context.Context, typed string) (string, error) {
	items, err := c.column(ctx, `
		(SELECT json_build_object('kind', 'movie', 'id', id, 'text', title, 'year', year)::text
		 FROM ref_movies WHERE title LIKE $1 AND NOT adult ORDER BY popularity DESC LIMIT 7)
		UNION ALL
		(SELECT json_build_object('kind', 'person', 'id', id, 'text', name)::text
		 FROM ref_people WHERE lower LIKE $1 ORDER BY movies DESC LIMIT 3)`, likePrefix(typed))
	return `{"items":[` + strings.Join(items, ",") + `]}`, err
}

func likePrefix(typed string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(typed) + "%"
}

// question is what a request asks.
type question struct {
	where  []string
	args   []any
	text   string
	order  string
	limit  int
	facets []string
}

func questionOf(q url.Values) *question {
	x := &question{text: strings.ToLower(q.Get("q")), limit: 20, order: "popularity DESC, id"}
	x.add("NOT adult")
	for name, column := range map[string]string{"genre": "genres", "language": "languages", "country": "countries", "person": "people"} {
		if value := q.Get(name); value != "" {
			x.add(column+" @> ARRAY[$%d]", strings.ToLower(value))
		}
	}
	for name, column := range map[string]string{"year": "integer", "rating": "double precision", "votes": "bigint"} {
		from, to, _ := strings.Cut(q.Get(name), "..")
		if from != "" {
			x.add(name+" >= $%d::text::"+column, from)
		}
		if to != "" {
			x.add(name+" <= $%d::text::"+column, to)
		}
	}
	switch q.Get("sort") {
	case "rating":
		x.order = "rating DESC NULLS LAST, id"
	case "year":
		x.order = "year DESC NULLS LAST, id"
	}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil {
		x.limit = n
	}
	if f := q.Get("facets"); f != "" {
		x.facets = strings.Split(f, ",")
	}
	return x
}

func (x *question) add(condition string, args ...any) {
	if len(args) > 0 {
		x.args = append(x.args, args...)
		condition = fmt.Sprintf(condition, len(x.args))
	}
	x.where = append(x.where, condition)
}

// search tries full text first, and titles that look alike when no movie has all
// the words.
func (c *catalogue) search(ctx context.Context, x *question) (string, error) {
	if x.text == "" {
		return c.list(ctx, x)
	}
	exact := *x
	exact.add("words @@ plainto_tsquery('simple', $%d)", x.text)
	n := len(exact.args)
	exact.order = fmt.Sprintf("ts_rank(words, plainto_tsquery('simple', $%d)) * ln(2 + popularity) DESC, id", n)
	answer, err := c.list(ctx, &exact)
	if err != nil || !strings.HasPrefix(answer, `{"items":[]`) {
		return answer, err
	}
	alike := *x
	alike.add("title %% $%d", x.text) // formatted, therefore twice
	alike.order = fmt.Sprintf("title <-> $%d, id", len(alike.args))
	return c.list(ctx, &alike)
}

func (c *catalogue) list(ctx context.Context, x *question) (string, error) {
	where := strings.Join(x.where, " AND ")
	items, err := c.column(ctx, "SELECT doc FROM ref_movies WHERE "+where+" ORDER BY "+x.order+" LIMIT "+strconv.Itoa(x.limit), x.args...)
	if err != nil || len(items) == 0 {
		return page(items, 0, ""), err
	}
	total := len(items)
	if total == x.limit {
		count := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM ref_movies WHERE %s LIMIT %d) m", where, mostCounted+1)
		if err := c.pool.QueryRow(ctx, count, x.args...).Scan(&total); err != nil {
			return "", err
		}
	}
	facets, err := c.facets(ctx, x, where)
	return page(items, total, facets), err
}

func (c *catalogue) facets(ctx context.Context, x *question, where string) (string, error) {
	if len(x.facets) == 0 {
		return "", nil
	}
	value := map[string]string{"genre": "unnest(genres)", "decade": "year / 10 * 10"}
	var parts []string
	for _, name := range x.facets {
		values, err := c.column(ctx, fmt.Sprintf(`SELECT json_build_object('value', v, 'count', count(*))::text
			FROM (SELECT %s v FROM ref_movies WHERE %s) m WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 20`, value[name], where), x.args...)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("%q:[%s]", name, strings.Join(values, ",")))
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

func (c *catalogue) column(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := c.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
