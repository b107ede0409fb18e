package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"movies/internal/postgres"
)

// A credit that is committed while its person's rename is under way is invisible
// to the renaming transaction, whatever its isolation. The movie must still be
// among those that the rename affects, for its own message comes first and may be
// read without the new name.
func TestRenameReachesMoviesThatArriveMeanwhile(t *testing.T) {
	t.Parallel()
	for _, isolation := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		t.Run(string(isolation), func(t *testing.T) {
			t.Parallel()
			url := newDatabase(t)
			renamer, other := connect(t, url), connect(t, url)
			exec(t, other, fixture)
			w := newWAL(t, url)

			tx, err := renamer.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: isolation})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), `SELECT 1; UPDATE people SET name = 'new name' WHERE id = 1`); err != nil {
				t.Fatal(err)
			}
			exec(t, other, `INSERT INTO credits (movie_id, person_id) VALUES (4, 1)`)
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}

			sent := w.next(t)
			if got := describe(sent); got != "[4] [p1]" {
				t.Fatalf("messages: got %s, want the credit's before the rename's", got)
			}
			ids, err := postgres.Affected(t.Context(), other, sent[1].messages...)
			if want := []int64{1, 2, 4}; err != nil || !slices.Equal(ids, want) {
				t.Errorf("the rename affects %v (%v), want %v", ids, err, want)
			}
		})
	}
}

func TestAffectedExpandsWhatMoviesShare(t *testing.T) {
	t.Parallel()
	conn := connect(t, newDatabase(t))
	exec(t, conn, fixture)
	for _, c := range []struct {
		message string
		want    []int64
	}{
		{"7:4,2,4", []int64{2, 4}},
		{"7:p1", []int64{1, 2}},
		{"7:p1,p2,3", []int64{1, 2, 3}},
		{"7:g1", []int64{1, 3}},
		{"7:k1", []int64{4}},
		{"7:p3,g2", nil},
		{"7:1000", []int64{1000}}, // a deleted movie
	} {
		m, err := postgres.ParseChangeMessage([]byte(c.message))
		if err != nil {
			t.Fatal(err)
		}
		got, err := postgres.Affected(t.Context(), conn, m)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v (%v), want %v", c.message, got, err, c.want)
		}
	}
}

// Many writers change the rows of a few movies, several movies a statement, in
// any order. None may run into a deadlock because of the triggers, every commit
// counts once in every movie it touched, and every commit sends all its movies.
func TestConcurrentWritersCountAndSendEveryCommit(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO movies (title) SELECT 'm' || n FROM generate_series(1, 6) AS n; INSERT INTO people (name) VALUES ('P');
		INSERT INTO genres (name) VALUES ('G'); INSERT INTO keywords (name) VALUES ('K')`)
	w := newWAL(t, url)

	const writers, commits = 6, 40
	touched := make([]map[int64]int, writers) // by writer: movie -> commits
	group, ctx := errgroup.WithContext(t.Context())
	for i := range writers {
		touched[i] = map[int64]int{}
		writer := connect(t, url)
		random := rand.New(rand.NewPCG(1, uint64(i)))
		group.Go(func() error {
			for n := range commits {
				ids := random.Perm(6)[:3]
				if err := addRows(ctx, writer, random, ids, 1+2*(i*commits+n)); err != nil {
					return err
				}
				for _, id := range ids {
					touched[i][int64(id)+1]++
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Code == "40P01" {
			t.Fatalf("deadlock: %s", pgErr.Detail)
		}
		t.Fatal(err)
	}

	sent := map[int64]int{}
	transactions := w.next(t)
	for _, x := range transactions {
		ids, err := postgres.Affected(t.Context(), conn, x.messages...)
		if err != nil || len(ids) != 3 {
			t.Fatalf("a commit sent %v (%v), want its 3 movies", ids, err)
		}
		for _, id := range ids {
			sent[id]++
		}
	}
	if len(transactions) != writers*commits {
		t.Errorf("%d of %d commits were sent", len(transactions), writers*commits)
	}
	for id := int64(1); id <= 6; id++ {
		want := 0
		for i := range touched {
			want += touched[i][id]
		}
		revision := queryOne[int](t, conn, `SELECT revision FROM movies WHERE id = $1`, id)
		if revision-1 != want || sent[id] != want {
			t.Errorf("movie %d: %d commits, revision %d, sent %d times", id, want, revision, sent[id])
		}
	}
}

// addRows adds one row of a random kind to each of three movies, in one statement
// and in the order given; or two kinds in one transaction. It uses position and
// the one behind.
func addRows(ctx context.Context, conn *pgx.Conn, random *rand.Rand, movies []int, position int) error {
	insert := func(position int) string {
		kinds := []string{"akas (movie_id, position, title)", "credits (movie_id, position, person_id)",
			"movie_genres (movie_id, position, genre_id)", "movie_keywords (movie_id, position, keyword_id)"}
		return fmt.Sprintf("INSERT INTO %[1]s VALUES (%[3]d, %[2]d, 1), (%[4]d, %[2]d, 1), (%[5]d, %[2]d, 1);",
			kinds[random.IntN(len(kinds))], position, movies[0]+1, movies[1]+1, movies[2]+1)
	}
	sql := insert(position)
	if random.IntN(2) == 0 {
		sql += insert(position + 1)
	}
	_, err := conn.Exec(ctx, sql)
	return err
}
