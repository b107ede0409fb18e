package auth

import (
	"context"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
)

// Announcer tells those who verify access tokens which sessions have ended, so
// that they need not wait for the tokens to expire.
type Announcer interface {
	PublishRevocations(ctx context.Context, ended []identity.Revocation) error
}

// RevocationStore keeps the sessions that ended early until they were announced.
type RevocationStore interface {
	// Revocations returns some that were not, the oldest first.
	Revocations(ctx context.Context) ([]identity.Revocation, error)
	ForgetRevocations(ctx context.Context, told []identity.Revocation) error
}

// announceInterval is how often this process looks for sessions that others ended
// or could not announce; its own it announces at once.
const announceInterval = time.Second

// endSessions ends sessions and has it announced.
func (s *Service) endSessions(ctx context.Context, which Which) (int, error) {
	ended, err := s.Store.EndSessions(ctx, which, s.Now())
	if ended > 0 {
		s.announceSoon()
	}
	return ended, err
}

func (s *Service) announceSoon() {
	select {
	case s.ended <- struct{}{}:
	default: // it is going to look anyway
	}
}

// announce tells of ended sessions until the context ends. What cannot be told
// now is told later, for as long as it matters.
func (s *Service) announce(ctx context.Context) {
	tick := time.NewTicker(announceInterval)
	defer tick.Stop()
	for failing := false; ; {
		err := s.announceAll(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "ended sessions cannot be announced; their tokens last until they expire; trying again", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-s.ended:
		case <-tick.C:
		}
	}
}

func (s *Service) announceAll(ctx context.Context) error {
	for {
		bounded, cancel := context.WithTimeout(ctx, storeTimeout)
		waiting, err := s.Store.Revocations(bounded)
		cancel()
		if err != nil || len(waiting) == 0 {
			return err
		}
		if err := s.Announcer.PublishRevocations(ctx, waiting); err != nil {
			return err
		}
		bounded, cancel = context.WithTimeout(ctx, storeTimeout)
		err = s.Store.ForgetRevocations(bounded, waiting)
		cancel()
		if err != nil {
			return err
		}
		s.logins.WithLabelValues("revocation_announced").Add(float64(len(waiting)))
	}
}

// Stale is the end of sessions whose tokens have all expired.
func (b Bounds) Stale() time.Time { return b.Now.Add(-token.Life - 2*token.Leeway) }
