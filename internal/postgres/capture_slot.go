package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"movies/internal/movie"
)

// standbyRetry is how often a standby asks for the slot.
const standbyRetry = time.Second

// objectInUse is the SQLSTATE of a slot that another connection reads.
const objectInUse = "55006"

// Acquire waits until this process is the one that reads the slot, and starts
// reading. While another relay has the slot this one stands by, asking every
// second. A slot that is missing or was invalidated by the server is created
// anew; the Origin says so, for then changes are missing.
func (c *Capture) Acquire(ctx context.Context) (*Stream, error) {
	for standing := false; ; standing = true {
		stream, err := c.tryAcquire(ctx)
		var pgErr *pgconn.PgError
		if err == nil || !errors.As(err, &pgErr) || pgErr.Code != objectInUse {
			return stream, err
		}
		if !standing {
			c.log.Info("standing by: another relay reads the slot", "detail", pgErr.Message)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(standbyRetry):
		}
	}
}

func (c *Capture) tryAcquire(ctx context.Context) (*Stream, error) {
	conn, err := c.connectReplication(ctx)
	if err != nil {
		return nil, err
	}
	origin, err := c.prepare(ctx, conn)
	if err == nil {
		err = pglogrepl.StartReplication(ctx, conn, c.slot, 0, pglogrepl.StartReplicationOptions{PluginArgs: []string{
			"proto_version '1'", "publication_names '" + publication + "'", "messages 'true'"}})
	}
	if err != nil {
		closeBounded(conn)
		return nil, fmt.Errorf("slot %s: %w", c.slot, err)
	}
	return newStream(c, conn, origin), nil
}

// prepare identifies the server and makes sure that there is a usable slot. An
// advisory lock keeps a second relay from replacing a slot that this one has
// just replaced.
func (c *Capture) prepare(ctx context.Context, conn *pgconn.PgConn) (movie.Origin, error) {
	recovering, err := queryValue(ctx, conn, "SELECT pg_is_in_recovery()")
	if err != nil {
		return movie.Origin{}, err
	}
	if recovering == "t" {
		return movie.Origin{}, errors.New("DATABASE_URL (--database-url) leads to a standby server: " +
			"name the primary, or several hosts with target_session_attrs=read-write")
	}
	id, err := pglogrepl.IdentifySystem(ctx, conn)
	if err != nil {
		return movie.Origin{}, err
	}
	published, err := queryValue(ctx, conn, "SELECT count(*) FROM pg_publication WHERE pubname = '"+publication+"'")
	if err != nil {
		return movie.Origin{}, err
	}
	if published == "0" {
		return movie.Origin{}, errors.New("the database has no publication " + publication + " yet; run: catalog migrate")
	}
	origin := movie.Origin{SystemID: id.SystemID, Timeline: int(id.Timeline), WALEnd: uint64(id.XLogPos)}
	lock := fmt.Sprintf("(hashtext('movies relay'), hashtext('%s'))", c.slot)
	if _, err := queryValue(ctx, conn, "SELECT pg_advisory_lock"+lock); err != nil {
		return movie.Origin{}, err
	}
	if err := c.ensureSlot(ctx, conn, &origin); err != nil {
		return movie.Origin{}, err
	}
	_, err = queryValue(ctx, conn, "SELECT pg_advisory_unlock"+lock)
	return origin, err
}

func (c *Capture) ensureSlot(ctx context.Context, conn *pgconn.PgConn, origin *movie.Origin) error {
	rows, err := queryRows(ctx, conn, "SELECT plugin, database = current_database(), coalesce(wal_status = 'lost', false), "+
		"coalesce(to_jsonb(s)->>'invalidation_reason', 'wal_removed') FROM pg_replication_slots s WHERE slot_name = '"+c.slot+"'")
	if err != nil {
		return err
	}
	switch {
	case len(rows) == 0:
		origin.Fresh, origin.Lost = true, "there was no replication slot"
	case rows[0][0] != "pgoutput" || rows[0][1] != "t":
		return fmt.Errorf("a slot of that name belongs to another database or plugin (%s): drop it or choose another name", rows[0][0])
	case rows[0][2] == "t":
		origin.Fresh, origin.Lost = true, "the server invalidated the replication slot ("+rows[0][3]+")"
		if _, err := queryRows(ctx, conn, "SELECT pg_drop_replication_slot('"+c.slot+"')"); err != nil {
			return err
		}
	}
	if origin.Fresh {
		if err := c.createSlot(ctx, conn); err != nil {
			return fmt.Errorf("create: %w", err)
		}
	}
	if err := c.ensureFailover(ctx, conn); err != nil {
		return err
	}
	start, err := queryValue(ctx, conn, "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '"+c.slot+"'")
	if err != nil {
		return err
	}
	origin.Start, err = movie.ParseLSN(start)
	return err
}

// createSlot makes the slot in three steps, so that one of this name exists only
// when everything it does not deliver is visible: a temporary slot is created;
// every transaction that may have committed before it is waited for; then the
// slot is copied under its lasting name. A crash in between leaves nothing.
func (c *Capture) createSlot(ctx context.Context, conn *pgconn.PgConn) error {
	if c.Announce != nil {
		if err := c.Announce(ctx); err != nil {
			return err
		}
	}
	slow := time.AfterFunc(5*time.Second, func() {
		c.log.Warn("creating the slot waits for transactions that began before it; see pg_stat_activity for the oldest")
	})
	defer slow.Stop()
	temporary := fmt.Sprintf("%s_new_%d", c.slot, conn.PID())
	if _, err := queryValue(ctx, conn, "SELECT pg_create_logical_replication_slot('"+temporary+"', 'pgoutput', true)"); err != nil {
		return err
	}
	if err := awaitRunning(ctx, conn); err != nil {
		return err
	}
	_, err := queryValue(ctx, conn, "SELECT pg_copy_logical_replication_slot('"+temporary+"', '"+c.slot+"', false);"+
		"SELECT pg_drop_replication_slot('"+temporary+"')")
	if err != nil {
		return err
	}
	c.log.Info("replication slot created")
	return nil
}

// awaitRunning waits until every transaction that has an id now has ended for
// everybody to see. It takes an id of its own as the bound: the xmax of a
// snapshot would not do, for it leaves out transactions that have written their
// commit record but have not become visible.
func awaitRunning(ctx context.Context, conn *pgconn.PgConn) error {
	bound, err := queryValue(ctx, conn, "SELECT pg_current_xact_id()")
	if err != nil {
		return err
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		ended, err := queryValue(ctx, conn, "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= '"+bound+"'::xid8")
		if err != nil || ended == "t" {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// ensureFailover lets the slot survive a failover where the server can (17 and
// later); whether standbys keep it is their setting sync_replication_slots.
func (c *Capture) ensureFailover(ctx context.Context, conn *pgconn.PgConn) error {
	version, err := queryValue(ctx, conn, "SELECT current_setting('server_version_num')::int >= 170000")
	if err != nil || version != "t" {
		return err
	}
	failover, err := queryValue(ctx, conn, "SELECT failover FROM pg_replication_slots WHERE slot_name = '"+c.slot+"'")
	if err != nil || failover == "t" {
		return err
	}
	_, err = queryRows(ctx, conn, "ALTER_REPLICATION_SLOT "+c.slot+" (FAILOVER true)")
	return err
}

// VisibleLSN is a WAL position such that every change committed at or before it
// is visible to every snapshot taken from now on, and was acknowledged by Kafka.
// It is the slot's confirmed position, which is behind the present by what the
// relay has yet to do.
//
// Why that holds: the relay confirms a commit only after it has read the
// commit's documents in a snapshot that saw it, and after Kafka's
// acknowledgement; it confirms in the order of commits; and commits that the
// slot will not deliver were visible before the slot existed (createSlot). A
// commit that touches no movie needs no visibility, for no document shows it.
//
// An error that is movie.ErrNotFound means that no relay has created the slot.
func (c *Capture) VisibleLSN(ctx context.Context) (uint64, error) {
	var lsn pglogrepl.LSN
	err := c.pool.QueryRow(ctx, "SELECT confirmed_flush_lsn::text FROM pg_replication_slots "+
		"WHERE slot_name = $1 AND database = current_database() AND wal_status <> 'lost' AND confirmed_flush_lsn IS NOT NULL", c.slot).Scan(&lsn)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("replication slot %s: %w: start the relay", c.slot, movie.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("replication slot %s: %w", c.slot, err)
	}
	return uint64(lsn), nil
}

// closeBounded closes a connection whose server may not answer.
func closeBounded(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // there is nothing left to save
}
