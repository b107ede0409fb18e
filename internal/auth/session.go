package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
	"movies/internal/movie"
)

func (s *Service) bounds() Bounds { return Bounds{Now: s.Now(), Idle: s.Idle, Grace: rotationGrace} }

// identity is what the session's access tokens say.
func (s Session) identity() identity.Identity {
	return identity.Identity{Subject: s.Subject, Name: s.Name, Roles: s.Roles, Session: s.ID, Expires: s.Expires}
}

// refresh gives the browser a new access token and replaces the session's secret.
func (s *Service) refresh(w http.ResponseWriter, r *http.Request) {
	secret, ok := s.sessionSecret(r)
	if !ok {
		s.notSignedIn(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	next := newSecret()
	session, err := s.Store.RotateSession(ctx, hashOf(secret), hashOf(next), s.bounds())
	if err == nil {
		s.setCookie(w, s.cookies.Session, next, session.Expires.Sub(s.Now()))
		session, err = s.confirm(r.Context(), session)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrSpentNow): // another tab has brought the new secret
	case errors.Is(err, ErrReused):
		s.announceSoon()
		s.logins.WithLabelValues("secret_reused").Inc()
		s.Log.WarnContext(r.Context(), "a spent session secret was used: the session is ended", "subject", session.Subject, "session", session.ID)
		s.dropCookies(w)
		s.notSignedIn(w)
		return
	case errors.Is(err, movie.ErrNotFound):
		s.dropCookies(w)
		s.notSignedIn(w)
		return
	default:
		s.failJSON(w, r, err)
		return
	}
	if err := s.giveAccess(w, session); err != nil {
		s.failJSON(w, r, err)
		return
	}
	s.logins.WithLabelValues("refresh").Inc()
	writeJSON(w, http.StatusOK, s.describe(session))
}

// giveAccess sets the cookie with the access token.
func (s *Service) giveAccess(w http.ResponseWriter, session Session) error {
	key, err := s.keys.ring().Signing(s.Schedule, s.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", movie.ErrUnavailable, err)
	}
	raw, expires, err := token.Mint(key, s.origin(), session.identity(), s.Now())
	if err != nil {
		return err
	}
	s.setCookie(w, s.cookies.Access, raw, expires.Sub(s.Now()))
	return nil
}

// meJSON is who somebody is, as they may see it.
type meJSON struct {
	Subject string   `json:"subject"`
	Name    string   `json:"name,omitempty"`
	Email   string   `json:"email,omitempty"`
	Roles   []string `json:"roles"`
	// AccessExpiresIn is after how many seconds to refresh, at the latest.
	AccessExpiresIn int         `json:"access_expires_in"`
	Session         sessionJSON `json:"session"`
}

type sessionJSON struct {
	ID        string    `json:"id"`
	Created   time.Time `json:"created"`
	LastUsed  time.Time `json:"last_used"`
	Expires   time.Time `json:"expires"`
	UserAgent string    `json:"user_agent,omitempty"`
	Current   bool      `json:"current"`
}

func (s *Service) describe(session Session) meJSON {
	return meJSON{Subject: session.Subject, Name: session.Name, Email: session.Email, Roles: session.Roles,
		AccessExpiresIn: int(min(token.Life, session.Expires.Sub(s.Now())).Seconds()), Session: s.sessionView(session, session.ID)}
}

// sessionView shows a session; it ends when it is idle or at its absolute bound.
func (s *Service) sessionView(session Session, current string) sessionJSON {
	expires := session.Used.Add(s.Idle)
	if session.Expires.Before(expires) {
		expires = session.Expires
	}
	return sessionJSON{ID: session.ID, Created: session.Created.UTC(), LastUsed: session.Used.UTC(), Expires: expires.UTC(),
		UserAgent: session.UserAgent, Current: session.ID == current}
}

// me tells the page who is signed in.
func (s *Service) me(w http.ResponseWriter, r *http.Request) {
	session, err := s.current(r)
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, s.describe(session))
}

// current is the session of the request's cookie; movie.ErrNotFound without one.
func (s *Service) current(r *http.Request) (Session, error) {
	secret, ok := s.sessionSecret(r)
	if !ok {
		return Session{}, movie.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	return s.Store.FindSession(ctx, hashOf(secret), s.bounds())
}

// owner is who asks about sessions: by bearer token, or by the session's cookie.
func (s *Service) owner(r *http.Request) (identity.Identity, error) {
	if raw, ok := identity.BearerToken(r.Header); ok {
		return s.Bearer.Verify(r, raw)
	}
	session, err := s.current(r)
	return session.identity(), err
}

// listSessions shows a person where they are signed in.
func (s *Service) listSessions(w http.ResponseWriter, r *http.Request) {
	who, err := s.owner(r)
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	sessions, err := s.Store.ListSessions(ctx, who.Subject, s.bounds())
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	items := make([]sessionJSON, len(sessions))
	for i, session := range sessions {
		items[i] = s.sessionView(session, who.Session)
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items})
}

// revokeSession ends one of one's own sessions; somebody else's is not found.
func (s *Service) revokeSession(w http.ResponseWriter, r *http.Request) {
	s.revoke(w, r, func(who identity.Identity) (Which, int) {
		return Which{ID: r.PathValue("id"), Subject: who.Subject}, 1
	})
}

// revokeAllSessions signs a person out everywhere, and with that forgets what
// auth knows of them.
func (s *Service) revokeAllSessions(w http.ResponseWriter, r *http.Request) {
	s.revoke(w, r, func(who identity.Identity) (Which, int) { return Which{Subject: who.Subject}, 0 })
}

func (s *Service) revoke(w http.ResponseWriter, r *http.Request, choose func(identity.Identity) (which Which, least int)) {
	who, err := s.owner(r)
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	which, least := choose(who)
	ended, err := s.endSessions(ctx, which)
	switch {
	case err != nil:
		s.failJSON(w, r, err)
		return
	case ended < least:
		writeProblem(w, http.StatusNotFound, "you have no such session")
		return
	}
	if which.ID == "" || which.ID == who.Session {
		s.dropCookies(w)
	}
	s.logins.WithLabelValues("revoked").Add(float64(ended))
	w.WriteHeader(http.StatusNoContent)
}
