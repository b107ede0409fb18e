package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"movies/internal/postgres"
)

// fixture: movies 1 to 4. Person 1 is in 1 and 2, person 2 in 2; genre 1 is of 1
// and 3, keyword 1 of 4; movie 1 has an aka.
const fixture = `
INSERT INTO movies (title) VALUES ('one'), ('two'), ('three'), ('four');
INSERT INTO people (name) VALUES ('P'), ('Q'), ('R');
INSERT INTO genres (name) VALUES ('G'), ('H');
INSERT INTO keywords (name) VALUES ('K');
INSERT INTO credits (movie_id, person_id, role) VALUES (1, 1, 'director'), (1, 1, 'cast'), (2, 1, 'cast'), (2, 2, 'cast');
INSERT INTO movie_genres (movie_id, genre_id) VALUES (1, 1), (3, 1);
INSERT INTO movie_keywords (movie_id, keyword_id) VALUES (4, 1);
INSERT INTO akas (movie_id, title) VALUES (1, 'uno')`

// Each case runs sql on a fresh fixture. want lists the transactions it must
// leave in the WAL, by the items of their messages; revisions, where given, are
// those of the movies that are left, in the order of ids.
var changeCases = []struct {
	name, sql, want, revisions string
}{
	{"movies inserted", `INSERT INTO movies (title) VALUES ('a'), ('b')`, "[5,6]", "2 2 2 2 1 1"},
	{"movie changed", `UPDATE movies SET title = 'x' WHERE id = 2`, "[2]", "2 3 2 2"},
	{"movies changed", `UPDATE movies SET votes = votes + 1`, "[1,2,3,4]", "3 3 3 3"},
	{"movie updated with what it has", `UPDATE movies SET title = title`, "", "2 2 2 2"},
	{"revision set by hand", `UPDATE movies SET revision = 100 WHERE id = 1`, "[1]", "3 2 2 2"},
	{"revision set by hand, again", `BEGIN; UPDATE movies SET year = 1 + year WHERE id = 1; UPDATE movies SET revision = 100 WHERE id = 1; COMMIT`, "[1]", "3 2 2 2"},
	{"movie without rows got another id", `BEGIN; INSERT INTO movies (id, title) VALUES (50, 'x'); COMMIT; UPDATE movies SET id = 51 WHERE id = 50`,
		"[50] [50,51]", "2 2 2 2 2"},
	{"movie deleted with all it owns", `DELETE FROM movies WHERE id = 1`, "[1]", "2 2 2"},
	{"movie got another id", `UPDATE movies SET id = 9 WHERE id = 1`, "[1,9]", "2 2 2 3"},
	{"movies merged and upserted", `MERGE INTO movies m USING (VALUES (1, 'x'), (77, 'y')) AS s (id, title) ON m.id = s.id
		WHEN MATCHED THEN UPDATE SET title = s.title WHEN NOT MATCHED THEN INSERT (id, title) VALUES (s.id, s.title);
		INSERT INTO movies (id, title) VALUES (2, 'z'), (78, 'w') ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title`, "[1,2,77,78]", "3 3 2 2 1 1"},
	{"nothing touched", `UPDATE movies SET title = 'x' WHERE id = 1000; DELETE FROM credits WHERE movie_id = 4`, "", "2 2 2 2"},

	{"credit added", `INSERT INTO credits (movie_id, person_id) VALUES (3, 2)`, "[3]", "2 2 3 2"},
	{"credit changed", `UPDATE credits SET person_id = 2 WHERE movie_id = 1`, "[1]", "3 2 2 2"},
	{"credit updated with what it has", `UPDATE credits SET person_id = person_id`, "", "2 2 2 2"},
	{"credits moved to another movie", `UPDATE credits SET movie_id = 3 WHERE movie_id = 2`, "[2,3]", "2 3 3 2"},
	{"credits swapped between movies", `UPDATE credits SET person_id = 3 - person_id WHERE movie_id = 2`, "[2]", "2 3 2 2"},
	{"credit removed", `DELETE FROM credits WHERE person_id = 2`, "[2]", "2 3 2 2"},
	{"credits of two movies removed", `DELETE FROM credits WHERE person_id = 1`, "[1,2]", "3 3 2 2"},
	{"aka added", `INSERT INTO akas (movie_id, title) VALUES (2, 'dos'), (2, 'deux')`, "[2]", "2 3 2 2"},
	{"aka changed", `UPDATE akas SET title = 'UNO'`, "[1]", "3 2 2 2"},
	{"aka moved", `UPDATE akas SET movie_id = 4`, "[1,4]", "3 2 2 3"},
	{"aka removed", `DELETE FROM akas`, "[1]", "3 2 2 2"},
	{"genre given", `INSERT INTO movie_genres (movie_id, genre_id) VALUES (2, 2)`, "[2]", "2 3 2 2"},
	{"genre replaced", `UPDATE movie_genres SET genre_id = 2 WHERE movie_id = 3`, "[3]", "2 2 3 2"},
	{"genre taken", `DELETE FROM movie_genres WHERE movie_id = 3`, "[3]", "2 2 3 2"},
	{"keyword given", `INSERT INTO movie_keywords (movie_id, keyword_id) VALUES (1, 1)`, "[1]", "3 2 2 2"},
	{"keyword taken", `DELETE FROM movie_keywords`, "[4]", "2 2 2 3"},

	{"person renamed", `UPDATE people SET name = 'PP' WHERE id = 1`, "[p1]", "2 2 2 2"},
	{"person updated with what they have", `UPDATE people SET name = name`, "", "2 2 2 2"},
	{"person deleted", `DELETE FROM people WHERE id = 1`, "[1,2,p1]", "3 3 2 2"},
	{"person got another id", `UPDATE people SET id = 9 WHERE id = 2`, "[2,p2,p9]", "2 3 2 2"},
	{"people added", `INSERT INTO people (name) VALUES ('S')`, "", "2 2 2 2"},
	{"genre renamed", `UPDATE genres SET name = 'GG' WHERE id = 1`, "[g1]", "2 2 2 2"},
	{"genre deleted", `DELETE FROM genres WHERE id = 1`, "[1,3,g1]", "3 2 3 2"},
	{"keyword renamed", `UPDATE keywords SET name = 'KK'`, "[k1]", "2 2 2 2"},
	{"keyword deleted", `DELETE FROM keywords`, "[4,k1]", "2 2 2 3"},

	{"movie with all its rows in one transaction counts once", `
		BEGIN; INSERT INTO movies (title) VALUES ('five'); INSERT INTO credits (movie_id, person_id) VALUES (5, 1), (5, 2);
		INSERT INTO akas (movie_id, title) VALUES (5, 'x'); INSERT INTO movie_genres (movie_id, genre_id) VALUES (5, 1); COMMIT`, "[5]", "2 2 2 2 1"},
	{"one transaction counts once", `
		BEGIN; UPDATE movies SET title = 'x' WHERE id = 1; INSERT INTO akas (movie_id, title) VALUES (1, 'x'); DELETE FROM akas WHERE title = 'x';
		UPDATE movies SET year = 1999 WHERE id = 1; COMMIT`, "[1]", "3 2 2 2"},
	{"two transactions count twice", `
		BEGIN; INSERT INTO akas (movie_id, title) VALUES (1, 'x'); COMMIT; BEGIN; INSERT INTO akas (movie_id, title) VALUES (1, 'y'); COMMIT`, "[1] [1]", "4 2 2 2"},
	{"an update of nothing does not hide the change behind it", `
		BEGIN; UPDATE movies SET title = title; INSERT INTO akas (movie_id, title) VALUES (2, 'x'); COMMIT`, "[2]", "2 3 2 2"},
	{"a lock does not hide the change behind it", `
		BEGIN; SELECT FROM movies FOR UPDATE; INSERT INTO akas (movie_id, title) VALUES (2, 'x'); COMMIT`, "[2]", "2 3 2 2"},
	{"rolled back", `BEGIN; UPDATE movies SET title = 'x'; UPDATE people SET name = 'x'; DELETE FROM akas; ROLLBACK`, "", "2 2 2 2"},
	{"rolled back to a savepoint, then changed", `
		BEGIN; SAVEPOINT s; UPDATE movies SET title = 'x' WHERE id IN (1, 2); ROLLBACK TO s;
		INSERT INTO akas (movie_id, title) VALUES (2, 'x'); COMMIT`, "[2]", "2 3 2 2"},
	{"changed, then rolled back to a savepoint", `
		BEGIN; UPDATE movies SET title = 'x' WHERE id = 1; SAVEPOINT s; INSERT INTO akas (movie_id, title) VALUES (1, 'x'), (2, 'x'); ROLLBACK TO s;
		COMMIT`, "[1]", "3 2 2 2"},
	{"changed before and in a savepoint", `
		BEGIN; UPDATE movies SET title = 'x' WHERE id = 1; SAVEPOINT s; INSERT INTO akas (movie_id, title) VALUES (1, 'x'); RELEASE s; COMMIT`, "[1]", "3 2 2 2"},
	{"changed in an exception block", `
		DO $$ BEGIN INSERT INTO akas (movie_id, title) VALUES (3, 'x'); EXCEPTION WHEN OTHERS THEN NULL; END $$`, "[3]", "2 2 3 2"},
	{"failed in an exception block", `
		DO $$ BEGIN INSERT INTO akas (movie_id, title) VALUES (3, 'x'); PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN INSERT INTO akas (movie_id, title) VALUES (4, 'x'); END $$`,
		"[4]", "2 2 2 3"},

	{"triggers of the origin switched off", `SET session_replication_role = replica; UPDATE movies SET title = 'x' WHERE id = 1;
		INSERT INTO akas (movie_id, title) VALUES (2, 'x'); UPDATE genres SET name = 'x' WHERE id = 2`, "[1,2,g2]", "3 3 2 2"},
	{"deleted with foreign keys switched off", `SET session_replication_role = replica; DELETE FROM people WHERE id = 2; DELETE FROM movies WHERE id = 3`,
		"[3,p2]", "2 2 2"},
	{"person added below dangling credits", `SET session_replication_role = replica; INSERT INTO credits (movie_id, person_id) VALUES (3, 70);
		INSERT INTO people (id, name) VALUES (70, 'late')`, "[3,p70]", "2 2 3 2"},
	{"row of no movie added", `SET session_replication_role = replica; INSERT INTO akas (movie_id, position, title) VALUES (70, 1, 'x')`, "[70]", "2 2 2 2"},
	{"a temporary table in the way", `CREATE TEMP TABLE movies (id bigint, revision bigint); CREATE TEMP TABLE credits (movie_id bigint, person_id bigint);
		UPDATE public.movies SET title = 'x' WHERE id = 1; INSERT INTO public.akas (movie_id, title) VALUES (2, 'x'); UPDATE people SET name = 'x' WHERE id = 3`,
		"[1,2,p3]", "3 3 2 2"},
	{"no search path", `SET search_path = ''; UPDATE public.movies SET title = 'x' WHERE id = 1; INSERT INTO public.akas (movie_id, title) VALUES (2, 'x')`,
		"[1,2]", "3 3 2 2"},
}

func TestEveryChangeLeavesItsIDsInTheWAL(t *testing.T) {
	t.Parallel()
	for _, c := range changeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t)
			conn := connect(t, url)
			exec(t, conn, fixture)
			// Every movie got its revision 2 in a transaction of its own.
			exec(t, conn, `UPDATE movies SET year = 2000`)
			exec(t, conn, `ALTER SEQUENCE movies_id_seq RESTART 5`)
			w := newWAL(t, url)
			exec(t, conn, c.sql)
			if got := describe(w.next(t)); got != c.want {
				t.Errorf("messages: got %s, want %s", got, c.want)
			}
			got := queryOne[string](t, connect(t, url), `SELECT coalesce(string_agg(revision::text, ' ' ORDER BY id), '') FROM movies`)
			if got != c.revisions {
				t.Errorf("revisions: got %s, want %s", got, c.revisions)
			}
		})
	}
}

func TestTruncateIsRefused(t *testing.T) {
	t.Parallel()
	conn := connect(t, newDatabase(t))
	exec(t, conn, fixture)
	for _, role := range []string{"origin", "replica"} {
		exec(t, conn, `SET session_replication_role = `+role)
		for _, table := range []string{"movies", "people", "credits", "genres", "movie_genres", "keywords", "movie_keywords", "akas"} {
			_, err := conn.Exec(t.Context(), "TRUNCATE "+table+" CASCADE")
			if err == nil || !strings.Contains(err.Error(), "is refused: search would not learn of it") {
				t.Errorf("TRUNCATE %s as %s: got %v", table, role, err)
			}
		}
	}
	if n := queryOne[int](t, conn, `SELECT count(*)::int FROM credits`); n != 4 {
		t.Errorf("%d credits are left of 4", n)
	}
}

// A statement over very many rows sends few messages, none above the bound.
func TestLargeStatementsAreSentInChunks(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	w := newWAL(t, url)
	const n = 2*postgres.MaxChangeIDs + 1
	exec(t, conn, fmt.Sprintf(`INSERT INTO movies (title) SELECT 'm' FROM generate_series(1, %d)`, n))
	got := w.next(t)
	if len(got) != 1 || len(got[0].messages) != 3 {
		t.Fatalf("got %d transactions, want 1 with 3 messages", len(got))
	}
	seen := map[int64]bool{}
	for _, m := range got[0].messages {
		if len(m.Movies) > postgres.MaxChangeIDs {
			t.Errorf("a message has %d ids, the bound is %d", len(m.Movies), postgres.MaxChangeIDs)
		}
		for _, id := range m.Movies {
			seen[id] = true
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d ids were sent", len(seen), n)
	}
}
