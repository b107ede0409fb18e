package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DefaultSlot is the replication slot of the one relay of a database.
const DefaultSlot = "movies_relay"

// publication of the migrations; it is empty, for only messages are captured.
const publication = "movies_changes"

// readConnections are enough for a batch that is read over several connections,
// the expansion of a rename, and an operator's question.
const readConnections = readersAtOnce + 2

// Capture turns what is committed into commits of movie ids, and reads the
// documents behind them. Its promises:
//
//   - Commits come in the order of their commit records, each with the commit's
//     LSN, never that of a message in it.
//   - What was not confirmed is delivered again after a restart. Only what was
//     confirmed is reported to the server as done.
//   - A slot of the configured name exists only once everything that it will not
//     deliver is visible. So the slot's confirmed position is a visible LSN from
//     its first moment; see VisibleLSN.
//
// A Capture is safe for concurrent use.
type Capture struct {
	// Announce, unless nil, is called whenever the slot is about to be created,
	// which an error prevents. It is set before the first Acquire.
	Announce func(context.Context) error

	pool *pgxpool.Pool
	dsn  string
	slot string
	log  *slog.Logger
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{1,50}$`)

// NewCapture prepares capture from the database through the named slot, without
// connecting yet. DefaultSlot is the name outside of tests.
func NewCapture(dsn, slot string, log *slog.Logger) (*Capture, error) {
	if !slotName.MatchString(slot) {
		return nil, fmt.Errorf("RELAY_SLOT (--slot) %q: a name has 1 to 50 of the characters a-z, 0-9 and _", slot)
	}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	cfg.MaxConns = readConnections
	cfg.ConnConfig.RuntimeParams["application_name"] = applicationName + " reader"
	// Tables may grow from nothing to millions of rows between two executions, and
	// a batch is not worth compiling a query for.
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	cfg.ConnConfig.RuntimeParams["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	return &Capture{pool: pool, dsn: dsn, slot: slot, log: log.With("slot", slot)}, nil
}

// Close ends the connections that read documents. Streams are closed apart.
func (c *Capture) Close() { c.pool.Close() }

// Ping tells whether the database answers.
func (c *Capture) Ping(ctx context.Context) error { return c.pool.Ping(ctx) }

// connectReplication opens a connection that speaks the replication protocol.
func (c *Capture) connectReplication(ctx context.Context) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig(c.dsn)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	cfg.RuntimeParams["replication"] = "database"
	cfg.RuntimeParams["application_name"] = applicationName
	// A relay whose machine vanished lets go of the slot after this time.
	cfg.RuntimeParams["wal_sender_timeout"] = "10s"
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect for replication: %w", err)
	}
	return conn, nil
}

// applicationName is what the server lists the stream under. It must not be
// named in synchronous_standby_names: commits would wait for the relay, which
// waits for them to become visible.
const applicationName = "movies relay"

// queryRows runs statements on a replication connection, where only the simple
// protocol is spoken, and gives the rows of the last one as text; NULL as "".
func queryRows(ctx context.Context, conn *pgconn.PgConn, sql string) ([][]string, error) {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func queryValue(ctx context.Context, conn *pgconn.PgConn, sql string) (string, error) {
	rows, err := queryRows(ctx, conn, sql)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return "", fmt.Errorf("%d rows for a single value", len(rows))
	}
	return rows[0][0], nil
}
