package auth

import (
	"context"
	"errors"
	"time"

	"movies/internal/auth/token"
	"movies/internal/movie"
)

// confirmEvery is how old the provider's word on a person may be when a session
// is refreshed: nearly every refresh of a page asks, a second tab does not.
const confirmEvery = token.Life / 2

// confirmTimeout bounds what a refresh waits for the provider.
const confirmTimeout = 3 * time.Second

// confirm asks the provider, by its refresh token, whether the person may still
// come in, and takes over their present name and roles. movie.ErrNotFound means
// that they may not: the session has ended. A provider that is down, or gives no
// refresh tokens, decides nothing; then the session's own bounds do.
func (s *Service) confirm(ctx context.Context, session Session) (Session, error) {
	if len(session.ProviderRefresh) == 0 || s.Now().Sub(session.Confirmed) < confirmEvery {
		return session, nil
	}
	refresh, err := s.keys.seal.open(session.ProviderRefresh, session.ID)
	if err != nil {
		return session, nil // sealed with another client secret: of no use to anybody
	}
	asking, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	said, next, err := s.provider.renew(asking, string(refresh), session)
	if next != "" {
		said.ProviderRefresh = s.keys.seal.close([]byte(next), session.ID)
	}
	ctx, cancel = context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	switch {
	case errors.Is(err, errRefused):
		s.logins.WithLabelValues("provider_ended").Inc()
		s.Log.InfoContext(ctx, "the provider does not let this person in any more: the session is ended", "subject", session.Subject, "session", session.ID, "reason", err)
		if _, err := s.endSessions(ctx, Which{ID: session.ID}); err != nil {
			return session, err
		}
		return session, movie.ErrNotFound
	case err != nil:
		s.Log.WarnContext(ctx, "a session goes on without the provider's word", "session", session.ID, "error", err)
		if next == "" {
			return session, nil
		}
	default:
		said.Confirmed = s.Now()
	}
	return said, s.Store.DescribeSession(ctx, said) // a spent refresh token would be a no the next time
}
