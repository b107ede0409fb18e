//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	movies  = 300
	people  = 40
	writers = 4
)

// load fills the database.
func (s *service) load() {
	connection, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	check(s.t, err)
	defer func() { _ = connection.Close(context.WithoutCancel(s.t.Context())) }()
	_, err = connection.Exec(s.t.Context(), fmt.Sprintf(`
		INSERT INTO people (id, name) SELECT n, 'Person ' || n FROM generate_series(1, %[2]d) n;
		INSERT INTO movies (id, title) SELECT n, 'Movie ' || n FROM generate_series(1, %[1]d) n;
		INSERT INTO credits (movie_id, person_id) SELECT n, 1 + n %% %[2]d FROM generate_series(1, %[1]d) n;
		INSERT INTO akas (movie_id, title) SELECT n, 'Also ' || n FROM generate_series(1, %[1]d) n`, movies, people))
	check(s.t, err)
}

// write writes until the context ends, and then tells how often it committed.
func (s *service) write(ctx context.Context, seed uint64) <-chan int64 {
	var committed atomic.Int64
	var all sync.WaitGroup
	for n := range uint64(writers) {
		random := rand.New(rand.NewPCG(seed, n+1))
		all.Go(func() {
			for ctx.Err() == nil {
				s.writeUntilItFails(ctx, random, &committed)
				wait(200 * time.Millisecond) // the server is down
			}
		})
	}
	total := make(chan int64, 1)
	go func() {
		all.Wait()
		total <- committed.Load()
	}()
	return total
}

// writeUntilItFails uses one connection, past the proxy.
func (s *service) writeUntilItFails(ctx context.Context, random *rand.Rand, committed *atomic.Int64) {
	connection, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	for ctx.Err() == nil && !connection.IsClosed() {
		if err := change(ctx, connection, random); err == nil {
			committed.Add(1)
		}
		wait(time.Duration(random.Int64N(int64(60 * time.Millisecond))))
	}
}

// statements are what editors do, by movie $1, person $2, and a number $3.
var statements = []string{
	`UPDATE movies SET title = 'Movie ' || $1 || ' take ' || $3, year = 1900 + $3 % 100 WHERE id = $1 AND $2 > 0`,
	`INSERT INTO movies (id, title) SELECT $1, 'Movie ' || $1 || ' again ' || $3 WHERE $2 > 0 ON CONFLICT DO NOTHING`,
	`DELETE FROM movies WHERE id = $1 AND $2 > 0 AND $3 > 0`,
	`INSERT INTO credits (movie_id, person_id) SELECT $1, $2 WHERE $3 > 0 AND EXISTS (SELECT FROM movies WHERE id = $1)`,
	`DELETE FROM credits WHERE movie_id = $1 AND person_id = $2 AND $3 > 0`,
	`UPDATE people SET name = 'Person ' || $2 || ' ' || $3 WHERE id = $2 AND $1 > 0`,
	`INSERT INTO akas (movie_id, title) SELECT $1, 'Also ' || $3 WHERE $2 > 0 AND EXISTS (SELECT FROM movies WHERE id = $1)`,
	`DELETE FROM akas WHERE movie_id = $1 AND $2 > 0 AND $3 > 0`,
}

// change commits one transaction of a few statements; now and then it stays open
// for a while before it commits.
func change(ctx context.Context, connection *pgx.Conn, random *rand.Rand) error {
	return pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
		for range 1 + random.IntN(3) {
			statement := statements[random.IntN(len(statements))]
			_, err := tx.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol,
				1+random.Int64N(movies), 1+random.Int64N(people), 1+random.Int64N(1_000_000))
			if err != nil {
				return err
			}
		}
		if random.IntN(50) == 0 {
			wait(time.Second)
		}
		return nil
	})
}
