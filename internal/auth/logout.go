package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"movies/internal/movie"
)

// logout ends the session here and tells where to go on, so that it ends at the
// provider too (OpenID Connect RP-initiated logout): as JSON to a client that
// asks for JSON, else by redirect.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) {
	next := s.PublicURL.JoinPath("/").String()
	session, err := s.current(r)
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
		defer cancel()
		_, err = s.endSessions(ctx, Which{ID: session.ID, Subject: session.Subject})
	}
	switch {
	case errors.Is(err, movie.ErrNotFound): // signed out already
	case err != nil: // the session may live on: the cookies stay for another try
		s.failJSON(w, r, err)
		return
	default:
		next = s.endSessionURL(r.Context(), session, next)
		s.logins.WithLabelValues("logout").Inc()
		s.Log.InfoContext(r.Context(), "signed out", "subject", session.Subject, "session", session.ID)
	}
	s.dropCookies(w)
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, http.StatusOK, map[string]string{"location": next})
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// endSessionURL is where the provider ends its own session. A provider that is
// down, or has no such endpoint, does not keep anybody from signing out here.
func (s *Service) endSessionURL(ctx context.Context, session Session, returnTo string) string {
	d, err := s.provider.discover(ctx)
	if err != nil || d.endSession == "" {
		return returnTo
	}
	u, err := url.Parse(d.endSession)
	if err != nil {
		return returnTo
	}
	q := u.Query()
	q.Set("client_id", s.ClientID)
	q.Set("id_token_hint", session.IDToken)
	q.Set("post_logout_redirect_uri", returnTo)
	u.RawQuery = q.Encode()
	return u.String()
}

// backChannelLogout ends sessions because the provider says so (OpenID Connect
// Back-Channel Logout 1.0). A logout token ends only sessions that began before
// it was issued, so sending it again later does nothing; it tells that in whole
// seconds.
func (s *Service) backChannelLogout(w http.ResponseWriter, r *http.Request) {
	d, err := s.provider.discover(r.Context())
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	logout, err := d.verifier.VerifyLogout(s.provider.context(r.Context()), r.PostFormValue("logout_token"))
	if err != nil {
		s.logins.WithLabelValues("backchannel_refused").Inc()
		writeProblem(w, http.StatusBadRequest, "logout_token is not valid")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	which := Which{Subject: logout.Subject, ProviderSession: logout.SessionID, Before: logout.IssuedAt.Add(time.Second)}
	ended, err := s.endSessions(ctx, which)
	if err != nil {
		s.failJSON(w, r, err)
		return
	}
	s.logins.WithLabelValues("backchannel_logout").Inc()
	s.Log.InfoContext(r.Context(), "signed out by the provider", "sessions", ended)
	w.WriteHeader(http.StatusOK)
}
