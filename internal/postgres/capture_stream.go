package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"movies/internal/movie"
)

const (
	// statusTick is how soon a confirmation reaches the server.
	statusTick = 200 * time.Millisecond
	// statusIdle is how often the server is asked for its position when there is
	// nothing to confirm.
	statusIdle = time.Second
	// commitsAhead is how many commits wait, decoded, for the receiver.
	commitsAhead = 256
)

// Stream delivers commits from the slot until it is closed or fails.
type Stream struct {
	capture *Capture
	conn    *pgconn.PgConn
	origin  movie.Origin
	decoded chan decodedCommit
	commits chan movie.Commit
	cancel  context.CancelFunc
	done    sync.WaitGroup
	failure error // of the goroutines; read after done

	// confirmed is the position up to which everything was dealt with.
	confirmed atomic.Uint64
	failed    sync.Once

	// The rest belongs to the receiving goroutine.
	decoder    decoder
	delivered  uint64 // End of the last commit handed on
	reported   uint64 // what the server was last told
	lastStatus time.Time
	nextTick   time.Time
}

func newStream(c *Capture, conn *pgconn.PgConn, origin movie.Origin) *Stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stream{capture: c, conn: conn, origin: origin, cancel: cancel,
		decoded: make(chan decodedCommit, commitsAhead), commits: make(chan movie.Commit, commitsAhead)}
	s.decoder.malformed = func(err error) {
		c.log.Error("a change message cannot be read and is skipped; compare with: reindex verify --repair", "error", err)
	}
	s.done.Go(func() {
		defer close(s.decoded)
		s.fail(s.receive(ctx))
	})
	s.done.Go(func() {
		defer close(s.commits)
		s.fail(s.expand(ctx))
	})
	return s
}

func (s *Stream) fail(err error) {
	s.failed.Do(func() { s.failure = err; s.cancel() })
}

// Origin says which database the commits come from, and whether any are missing
// before the first.
func (s *Stream) Origin() movie.Origin { return s.origin }

// Commits delivers the commits that touched movies, in the order of their commit
// records. It is closed when the stream ends; Close says why. The receiver may
// be as slow as it needs: the server waits.
func (s *Stream) Commits() <-chan movie.Commit { return s.commits }

// Confirm reports that every commit whose End is at or below the position has
// been dealt with: it will not be delivered again. The server learns it within
// 200 ms. When all commits are confirmed, the stream confirms WAL without commits
// of ours by itself, so that none is kept for an idle catalogue.
func (s *Stream) Confirm(lsn uint64) {
	for {
		old := s.confirmed.Load()
		if lsn <= old || s.confirmed.CompareAndSwap(old, lsn) {
			return
		}
	}
}

// Close tells the server what was confirmed, lets go of the slot, and gives the
// error that ended the stream, or nil if it was this call.
func (s *Stream) Close() error {
	s.fail(nil)
	for range s.commits { // let go of a sender
	}
	s.done.Wait()
	if s.failure == nil {
		s.failure = s.sendStatus(false)
	}
	closeBounded(s.conn)
	return s.failure
}

// receive reads the replication stream. It alone uses the connection.
func (s *Stream) receive(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.conn.Conn().SetReadDeadline(time.Unix(1, 0)) })()
	for ctx.Err() == nil {
		if err := s.tick(ctx); err != nil {
			return err
		}
		msg, err := s.conn.ReceiveMessage(context.Background()) // the deadline set in tick ends it
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			continue
		}
		if err != nil {
			return fmt.Errorf("replication stream: %w", err)
		}
		if err := s.handle(ctx, msg); err != nil {
			return err
		}
	}
	return nil
}

// tick reports to the server when it is time, and sets the read deadline to when
// it is time again.
func (s *Stream) tick(ctx context.Context) error {
	now := time.Now()
	if now.Before(s.nextTick) {
		return nil
	}
	s.nextTick = now.Add(statusTick)
	if now.Sub(s.lastStatus) >= statusIdle || s.confirmed.Load() != s.reported {
		if err := s.sendStatus(true); err != nil {
			return err
		}
		s.lastStatus = now
	}
	err := s.conn.Conn().SetReadDeadline(s.nextTick)
	if ctx.Err() != nil { // the deadline that ends the stream may just have been overwritten
		err = s.conn.Conn().SetReadDeadline(time.Unix(1, 0))
	}
	return err
}

// sendStatus reports what was confirmed, and nothing more.
func (s *Stream) sendStatus(ask bool) error {
	lsn := s.confirmed.Load()
	err := pglogrepl.SendStandbyStatusUpdate(context.Background(), s.conn,
		pglogrepl.StandbyStatusUpdate{WALWritePosition: pglogrepl.LSN(lsn), ReplyRequested: ask})
	if err != nil {
		return fmt.Errorf("replication stream: report position: %w", err)
	}
	s.reported = lsn
	return nil
}

func (s *Stream) handle(ctx context.Context, msg pgproto3.BackendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.CopyData:
		return s.handleCopyData(ctx, m.Data)
	case *pgproto3.ErrorResponse:
		return fmt.Errorf("replication stream: %w", pgconn.ErrorResponseToPgError(m))
	case *pgproto3.CopyDone, *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
		return errors.New("replication stream: the server ended it")
	}
	return nil
}

func (s *Stream) handleCopyData(ctx context.Context, data []byte) error {
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		k, err := pglogrepl.ParsePrimaryKeepaliveMessage(data[1:])
		if err != nil {
			return fmt.Errorf("replication stream: %w", err)
		}
		if s.confirmed.Load() >= s.delivered { // idle: what came before this message held nothing of ours
			s.Confirm(uint64(k.ServerWALEnd))
		}
		if k.ReplyRequested {
			return s.sendStatus(false)
		}
	case pglogrepl.XLogDataByteID:
		x, err := pglogrepl.ParseXLogData(data[1:])
		if err != nil {
			return fmt.Errorf("replication stream: %w", err)
		}
		c, complete, err := s.decoder.decode(x.WALData)
		if err != nil {
			return fmt.Errorf("replication stream: %w", err)
		}
		if complete {
			return s.deliver(ctx, c)
		}
	}
	return nil
}

// deliver hands a commit on. While the receiver is busy the server keeps hearing
// of this connection, so that it does not take it for dead.
func (s *Stream) deliver(ctx context.Context, c decodedCommit) error {
	s.delivered = c.End
	select {
	case s.decoded <- c:
		return nil
	default:
	}
	ticker := time.NewTicker(statusIdle)
	defer ticker.Stop()
	for {
		select {
		case s.decoded <- c:
			return nil
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := s.sendStatus(false); err != nil {
				return err
			}
		}
	}
}

// expand finds the movies of renamed people, genres and keywords, once the
// rename is visible (see Affected), and hands the commits on in order.
func (s *Stream) expand(ctx context.Context) error {
	for d := range s.decoded {
		c := d.Commit
		if len(d.shared) > 0 {
			ids, err := s.capture.affected(ctx, c.XID, d.shared)
			if err != nil {
				return fmt.Errorf("commit %s: %w", movie.FormatLSN(c.LSN), err)
			}
			c.IDs = sortedDistinct(append(c.IDs, ids...))
		}
		select {
		case s.commits <- c:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
