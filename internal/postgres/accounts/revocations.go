package accounts

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"movies/internal/auth"
	"movies/internal/auth/identity"
)

// EndSessions implements auth.AccountStore.
func (s *Store) EndSessions(ctx context.Context, which auth.Which, now time.Time) (int, error) {
	if which.ID == "" && which.Subject == "" && which.ProviderSession == "" {
		return 0, nil
	}
	var before *time.Time
	if !which.Before.IsZero() {
		before = &which.Before
	}
	tag, err := s.pool.Exec(ctx, endSessions+` WHERE ($2 = '' OR id = $2) AND ($3 = '' OR subject = $3)
		AND ($4 = '' OR provider_session = $4) AND ($5::timestamptz IS NULL OR created_at <= $5)`+tellOfThem,
		now, which.ID, which.Subject, which.ProviderSession, before)
	return int(tag.RowsAffected()), s.explain(err)
}

// A session ends early in one statement with the note that it did: endSessions,
// the condition, tellOfThem. $1 is the time.
const (
	endSessions = `WITH ended AS (DELETE FROM sessions`
	tellOfThem  = ` RETURNING id) INSERT INTO revocations SELECT id, $1 FROM ended`
)

// mostRevocations are told of at once.
const mostRevocations = 1000

// Revocations implements auth.RevocationStore.
func (s *Store) Revocations(ctx context.Context) ([]identity.Revocation, error) {
	rows, err := s.pool.Query(ctx, `SELECT session_id, revoked_at FROM revocations ORDER BY revoked_at LIMIT $1`, mostRevocations)
	if err != nil {
		return nil, s.explain(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[identity.Revocation])
	return found, s.explain(err)
}

// ForgetRevocations implements auth.RevocationStore.
func (s *Store) ForgetRevocations(ctx context.Context, told []identity.Revocation) error {
	ids := make([]string, len(told))
	for i, r := range told {
		ids[i] = r.Session
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM revocations WHERE session_id = ANY($1)`, ids)
	return s.explain(err)
}
