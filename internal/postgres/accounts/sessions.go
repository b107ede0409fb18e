package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/auth"
	"movies/internal/movie"
)

// SaveLogin implements auth.LoginStore.
func (s *Store) SaveLogin(ctx context.Context, l auth.Login) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO logins (state, browser, nonce, verifier, return_to, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		l.State[:], l.Browser[:], l.Nonce, l.Verifier, l.ReturnTo, l.Expires)
	return s.explain(err)
}

// TakeLogin implements auth.LoginStore.
func (s *Store) TakeLogin(ctx context.Context, state auth.Hash, now time.Time) (auth.Login, error) {
	l := auth.Login{State: state}
	var browser []byte
	err := s.pool.QueryRow(ctx, `DELETE FROM logins WHERE state = $1 RETURNING browser, nonce, verifier, return_to, expires_at`, state[:]).
		Scan(&browser, &l.Nonce, &l.Verifier, &l.ReturnTo, &l.Expires)
	if err == nil && !l.Expires.After(now) {
		return auth.Login{}, movie.ErrNotFound
	}
	copy(l.Browser[:], browser)
	return l, s.explain(err)
}

// CreateSession implements auth.SessionStore.
func (s *Store) CreateSession(ctx context.Context, n auth.Session, secret auth.Hash) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO sessions (secret, `+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			secret[:], n.ID, n.Subject, n.Name, n.Email, n.Roles, n.ProviderSession, n.IDToken, n.UserAgent, n.Created, n.Used, n.Expires,
			notNull(n.ProviderRefresh), n.Confirmed)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, endSessions+` WHERE id IN (SELECT id FROM sessions WHERE subject = $2 ORDER BY used_at DESC, id OFFSET $3)`+tellOfThem,
			n.Created, n.Subject, auth.MaxSessions)
		return err
	})
	return s.explain(err)
}

const (
	sessionColumns = `id, subject, name, email, roles, provider_session, id_token, user_agent, created_at, used_at, expires_at,
		provider_refresh, confirmed_at`
	// live wants the time as $1 and the least time of last use as $2.
	live = `expires_at > $1 AND used_at > $2`
)

func scanSession(row pgx.CollectableRow) (n auth.Session, err error) {
	err = row.Scan(&n.ID, &n.Subject, &n.Name, &n.Email, &n.Roles, &n.ProviderSession, &n.IDToken, &n.UserAgent, &n.Created, &n.Used, &n.Expires,
		&n.ProviderRefresh, &n.Confirmed)
	return n, err
}

// notNull makes nothing an empty value.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// DescribeSession implements auth.SessionStore.
func (s *Store) DescribeSession(ctx context.Context, n auth.Session) error {
	_, err := s.pool.Exec(ctx, `UPDATE sessions SET name = $2, email = $3, roles = $4, id_token = $5, provider_refresh = $6, confirmed_at = $7 WHERE id = $1`,
		n.ID, n.Name, n.Email, n.Roles, n.IDToken, notNull(n.ProviderRefresh), n.Confirmed)
	return s.explain(err)
}

// session runs a query that gives one session or none.
func session(ctx context.Context, q interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, sql string, args ...any) (auth.Session, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return auth.Session{}, err
	}
	return pgx.CollectOneRow(rows, scanSession)
}

// FindSession implements auth.SessionStore.
func (s *Store) FindSession(ctx context.Context, secret auth.Hash, b auth.Bounds) (auth.Session, error) {
	found, err := session(ctx, s.pool, `SELECT `+sessionColumns+` FROM sessions WHERE secret = $3 AND `+live, b.Now, b.Now.Add(-b.Idle), secret[:])
	return found, s.explain(err)
}

// RotateSession implements auth.SessionStore. The row is locked by the update, so
// that of two calls with one secret the second finds it spent.
func (s *Store) RotateSession(ctx context.Context, secret, next auth.Hash, b auth.Bounds) (found auth.Session, err error) {
	outcome := error(nil)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		found, err = session(ctx, tx, `UPDATE sessions SET secret = $4, used_at = $1 WHERE secret = $3 AND `+live+` RETURNING `+sessionColumns,
			b.Now, b.Now.Add(-b.Idle), secret[:], next[:])
		if errors.Is(err, pgx.ErrNoRows) {
			found, outcome, err = spent(ctx, tx, secret, b)
			return err
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO spent_secrets (secret, session_id, spent_at) VALUES ($1, $2, $3)`, secret[:], found.ID, b.Now)
		return err
	})
	if err != nil {
		return auth.Session{}, s.explain(err)
	}
	return found, outcome
}

// spent judges a secret that is not current. What it does to a stolen session
// is committed, so the verdict is no error of the transaction.
func spent(ctx context.Context, tx pgx.Tx, secret auth.Hash, b auth.Bounds) (found auth.Session, verdict, err error) {
	found, err = session(ctx, tx, `SELECT `+sessionColumns+` FROM sessions WHERE `+live+` AND id = (SELECT session_id FROM spent_secrets WHERE secret = $3)`,
		b.Now, b.Now.Add(-b.Idle), secret[:])
	if err != nil {
		return found, nil, err
	}
	var at time.Time
	if err := tx.QueryRow(ctx, `SELECT spent_at FROM spent_secrets WHERE secret = $1`, secret[:]).Scan(&at); err != nil {
		return found, nil, err
	}
	if at.Add(b.Grace).After(b.Now) {
		return found, auth.ErrSpentNow, nil
	}
	_, err = tx.Exec(ctx, endSessions+` WHERE id = $2`+tellOfThem, b.Now, found.ID)
	return found, auth.ErrReused, err
}

// ListSessions implements auth.AccountStore.
func (s *Store) ListSessions(ctx context.Context, subject string, b auth.Bounds) ([]auth.Session, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE subject = $3 AND `+live+` ORDER BY used_at DESC, id LIMIT 1000`,
		b.Now, b.Now.Add(-b.Idle), subject)
	if err != nil {
		return nil, s.explain(err)
	}
	list, err := pgx.CollectRows(rows, scanSession)
	return list, s.explain(err)
}

// Keys implements auth.KeyStore.
func (s *Store) Keys(ctx context.Context) ([]auth.SealedKey, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, created_at, sealed FROM signing_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, s.explain(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[auth.SealedKey])
	return keys, s.explain(err)
}

// addKeyLock is the advisory lock of whoever adds a key.
const addKeyLock = 0x6d6f766965730003

// AddKey implements auth.KeyStore.
func (s *Store) AddKey(ctx context.Context, k auth.SealedKey, newest time.Time) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, addKeyLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, created_at, sealed) SELECT $1, $2, $3
			WHERE NOT EXISTS (SELECT FROM signing_keys WHERE created_at > $4)`, k.ID, k.Created, k.Sealed, newest)
		return err
	})
	return s.explain(err)
}

// DeleteKey implements auth.KeyStore.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM signing_keys WHERE id = $1`, id)
	return s.explain(err)
}

// Sweep implements auth.KeyStore.
func (s *Store) Sweep(ctx context.Context, b auth.Bounds) error {
	_, err := s.pool.Exec(ctx, `WITH gone AS (DELETE FROM logins WHERE expires_at <= $1), told AS (DELETE FROM revocations WHERE revoked_at <= $3)
		DELETE FROM sessions WHERE NOT (`+live+`)`, b.Now, b.Now.Add(-b.Idle), b.Stale())
	return s.explain(err)
}
