package postgres

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"movies/internal/generate"
	"movies/internal/movie"
	"movies/internal/stack/stacktest"
)

// planMovies is the catalogue of the test where PLANS_DATABASE_URL names no larger
// one: enough that Postgres would not rather read a table from end to end.
const planMovies = 6_000

// growing are the tables that grow with the catalogue or its users.
var growing = []string{"movies", "people", "credits", "akas", "movie_genres", "movie_keywords", "keywords", "import_keys", "watchlist", "ratings", "rating_totals", "edits"}

// TestPlansScanNoLargeTable runs what the service asks of Postgres, with the plans
// logged of every statement in it, those of triggers and foreign keys included, and
// finds no table that grows read from end to end. PLANS_OUT names a file for the
// plans; `make plans` writes them for the catalogue of DATABASE_URL, and leaves there
// only other revisions of 500 movies.
func TestPlansScanNoLargeTable(t *testing.T) {
	url := os.Getenv("PLANS_DATABASE_URL")
	if url == "" {
		url = stacktest.PostgresMigrated(t, "plans", func(ctx context.Context, url string) error {
			_, err := Migrate(ctx, url)
			return err
		})
	}
	p := newPlans(t, url)
	size, err := p.catalog.Count(t.Context())
	if p.large = size > 200_000; err != nil || size == 0 {
		source := Sequence("plans", nil, planMovies, generate.New(1).Movie)
		if _, err := p.catalog.Import(t.Context(), source, ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p.explain()
	p.operations()
	p.write(os.Getenv("PLANS_OUT"))
}

// plans collects what the server says about every statement of an operation.
type plans struct {
	t       *testing.T
	catalog *Catalog
	large   bool // so that 500 movies are few

	mu      sync.Mutex
	notices []string
	table   strings.Builder
	texts   strings.Builder
}

func newPlans(t *testing.T, url string) *plans {
	t.Helper()
	p := &plans{t: t}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 1
	config.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.notices = append(p.notices, n.Message)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p.catalog = &Catalog{pool: pool}
	return p
}

// explain has the server tell the plan of every statement from now on.
func (p *plans) explain() {
	p.t.Helper()
	_, err := p.catalog.pool.Exec(p.t.Context(), `LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
		SET auto_explain.log_level = notice; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off; SET auto_explain.log_buffers = on`)
	if err != nil {
		p.t.Fatal(err)
	}
}

// operation runs one thing that the service does.
func (p *plans) operation(name string, do func(ctx context.Context) error) {
	p.t.Helper()
	p.notices = nil
	if err := do(p.t.Context()); err != nil {
		p.t.Errorf("%s: %v", name, err)
	}
	statements, uses, scanned := 0, map[string]bool{}, map[string]bool{}
	fmt.Fprintf(&p.texts, "=== %s\n", name)
	for _, notice := range p.notices {
		if !strings.HasPrefix(notice, "duration:") {
			continue
		}
		statements++
		fmt.Fprintf(&p.texts, "%s\n\n", notice)
		for _, scan := range scans.FindAllStringSubmatch(notice, -1) {
			if how, what := scan[1], scan[2]; how == "Seq Scan on" && slices.Contains(growing, what) {
				scanned[what] = true
			} else if how != "Seq Scan on" {
				uses[what] = true
			}
		}
	}
	if statements == 0 {
		p.t.Errorf("%s: the server told no plan", name)
	}
	if batch := strings.HasPrefix(name, "import:") || name == "user: fold ratings"; len(scanned) > 0 && (p.large || !batch) {
		p.t.Errorf("%s reads from end to end: %s\n%s", name, strings.Join(slices.Sorted(maps.Keys(scanned)), ", "), strings.Join(p.notices, "\n"))
	}
	fmt.Fprintf(&p.table, "%s\t%d\t%s\n", name, statements, strings.Join(slices.Sorted(maps.Keys(uses)), ", "))
}

// scans of tables and indexes in a plan, and which.
var scans = regexp.MustCompile(`(Seq Scan on|Index Scan using|Index Only Scan using|Index Scan Backward using|Index Only Scan Backward using|Bitmap Index Scan on) "?(\w+)`)

func (p *plans) operations() {
	c := p.catalog
	movies, err := Range(p.t.Context(), c.pool, generate.FirstID+1000, 500)
	if err != nil || len(movies) < 500 {
		p.t.Fatalf("%d movies to begin with, %v", len(movies), err)
	}
	some := movies[0]
	ids := make([]int64, len(movies))
	for i := range movies {
		ids[i] = movies[i].ID
	}
	run := p.operation
	for _, renamed := range []struct {
		what   string
		change ChangeMessage
	}{{"person", ChangeMessage{People: []int64{some.People[0].ID}}}, {"genre", ChangeMessage{Genres: []int64{p.rarest("genre")}}}, {"keyword", ChangeMessage{Keywords: []int64{p.rarest("keyword")}}}} {
		run("relay: movies of a renamed "+renamed.what, func(ctx context.Context) error { _, err := Affected(ctx, c.pool, renamed.change); return err })
	}
	run("relay: documents of 500 movies", func(ctx context.Context) error { _, err := c.Documents(ctx, ids); return err })
	run("reindex: end of a chunk", func(ctx context.Context) error { _, _, err := c.Boundary(ctx, some.ID, 1000); return err })
	run("reindex: documents of a chunk", func(ctx context.Context) error { _, err := c.Between(ctx, ids[0], ids[len(ids)-1]); return err })
	run("reindex: row versions", func(ctx context.Context) error { _, err := c.RowVersions(ctx, ids); return err })
	run("reindex: announce anew", func(ctx context.Context) error { return c.Reemit(ctx, ids[:5]) })
	run("export: a page", func(ctx context.Context) error { _, err := Range(ctx, c.pool, some.ID, exportPage); return err })
	p.edits(some)
	p.personal(some.ID)
	run("import: 500 movies as before", func(ctx context.Context) error { return p.again(ctx, movies, 0) })
	run("import: 500 movies changed", func(ctx context.Context) error { return p.again(ctx, movies, 1) })
	run("import: 500 movies changed back", func(ctx context.Context) error { return p.again(ctx, movies, 0) })
}

// rarest is the genre or keyword that the fewest movies have. One that a third of
// them has is read from end to end, and should be.
func (p *plans) rarest(what string) (id int64) {
	p.t.Helper()
	query := fmt.Sprintf(`SELECT %[1]s_id FROM movie_%[1]ss GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`, what)
	if err := p.catalog.pool.QueryRow(p.t.Context(), query).Scan(&id); err != nil {
		p.t.Fatal(err)
	}
	return id
}

func (p *plans) edits(some movie.Movie) {
	c, run := p.catalog, p.operation
	by := movie.Edit{By: "plans"}
	created := movie.Movie{Title: "plans", IMDbID: "tt0000001", Genres: some.Genres, Directors: some.Directors, Keywords: some.Keywords, Akas: []string{"a"}}
	run("editor: a movie", func(ctx context.Context) error { _, err := c.Movie(ctx, some.ID); return err })
	run("editor: create", func(ctx context.Context) (err error) { created, err = c.Create(ctx, created, by); return err })
	run("editor: change", func(ctx context.Context) (err error) {
		created.Title, created.Cast = "plans changed", some.Cast
		created.People, by.Revision = nil, created.Revision
		created, err = c.Replace(ctx, created, by)
		return err
	})
	run("editor: history", func(ctx context.Context) error { _, err := c.Edits(ctx, created.ID); return err })
	run("editor: delete", func(ctx context.Context) error {
		by.Revision = created.Revision
		return c.Delete(ctx, created.ID, by)
	})
}

func (p *plans) personal(id int64) {
	c, run := p.catalog, p.operation
	const subject = "plans"
	run("user: watch", func(ctx context.Context) error { return c.Watch(ctx, subject, id) })
	run("user: watchlist", func(ctx context.Context) error { _, err := c.Watchlist(ctx, subject); return err })
	run("user: rate", func(ctx context.Context) error { return c.Rate(ctx, subject, id, 7) })
	run("user: ratings", func(ctx context.Context) error { _, err := c.Ratings(ctx, subject); return err })
	run("user: fold ratings", func(ctx context.Context) error { _, err := c.FoldRatings(ctx); return err })
	run("user: unwatch", func(ctx context.Context) error { return c.Unwatch(ctx, subject, id) })
	run("user: forget", func(ctx context.Context) error { return c.Forget(ctx, subject) })
	run("user: fold ratings", func(ctx context.Context) error { _, err := c.FoldRatings(ctx); return err })
}

// again imports movies that are there, with more votes.
func (p *plans) again(ctx context.Context, movies []movie.Movie, more int64) error {
	_, err := p.catalog.Import(ctx, Sequence("plans", nil, int64(len(movies)), func(i int64) movie.Movie {
		m := movies[i]
		m.Votes += more
		return m
	}), ImportOptions{})
	return err
}

// write writes the table, and below it every plan.
func (p *plans) write(path string) {
	p.t.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "operation\tstatements\tindexes\n%s", p.table.String())
	if err := w.Flush(); err != nil {
		p.t.Fatal(err)
	}
	if path == "" {
		p.t.Logf("\n%s", text.String())
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()+"\n"+p.texts.String()), 0o644); err != nil {
		p.t.Fatal(err)
	}
}
