package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coreos/go-oidc/v3/oidc"

	"movies/internal/movie"
)

// storeTimeout bounds what one request may wait for the database.
const storeTimeout = 3 * time.Second

// login sends the browser to the provider. State ties the answer to this
// sign-in, the cookie ties it to this browser, nonce and PKCE tie the provider's
// token and code to it.
func (s *Service) login(w http.ResponseWriter, r *http.Request) {
	returnTo, ok := localPath(r.URL.Query().Get("return_to"))
	if !ok {
		s.logins.WithLabelValues("bad_return_to").Inc()
		showPage(w, http.StatusBadRequest, "This link cannot be used", "It would lead to another site after signing in. return_to must be a path of this site, such as /.")
		return
	}
	d, err := s.provider.discover(r.Context())
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	state, browser := newSecret(), newSecret()
	l := Login{State: hashOf(state), Browser: hashOf(browser), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		ReturnTo: returnTo, Expires: s.Now().Add(loginLife)}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if err := s.Store.SaveLogin(ctx, l); err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.setCookie(w, s.loginCookie(state), browser, loginLife)
	s.logins.WithLabelValues("login_started").Inc()
	http.Redirect(w, r, d.oauth.AuthCodeURL(state, oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier)), http.StatusFound)
}

// loginCookie has its own name for each sign-in, so that two tabs do not disturb
// each other.
func (s *Service) loginCookie(state string) string {
	return s.cookies.Login + state[:min(8, len(state))]
}

// callback finishes a sign-in: always with a new session, whatever cookies the
// browser brought.
func (s *Service) callback(w http.ResponseWriter, r *http.Request) {
	l, ok := s.takeLogin(w, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	if q.Get("error") != "" || q.Get("code") == "" {
		s.logins.WithLabelValues("login_refused").Inc()
		s.Log.InfoContext(r.Context(), "sign-in refused by the provider", "reason", firstOf(q.Get("error"), "no code"))
		showPage(w, http.StatusForbidden, "You were not signed in", "The sign-in was cancelled or refused.")
		return
	}
	session, refresh, err := s.provider.exchange(r.Context(), q.Get("code"), l)
	if errors.Is(err, errRefused) {
		s.refuseCallback(w, r, err.Error())
		return
	}
	if err == nil {
		err = s.begin(w, r, session, refresh)
	}
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	http.Redirect(w, r, l.ReturnTo, http.StatusFound)
}

// takeLogin finds the sign-in that a callback belongs to and checks that it began
// in this browser. It answers where it did not.
func (s *Service) takeLogin(w http.ResponseWriter, r *http.Request) (Login, bool) {
	state := r.URL.Query().Get("state")
	if !plausibleSecret(state) {
		s.refuseCallback(w, r, "no state")
		return Login{}, false
	}
	name := s.loginCookie(state)
	cookie, err := r.Cookie(name)
	if err != nil {
		s.refuseCallback(w, r, "began in another browser, or the cookie expired")
		return Login{}, false
	}
	s.dropCookie(w, name)
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	l, err := s.Store.TakeLogin(ctx, hashOf(state), s.Now())
	switch {
	case errors.Is(err, movie.ErrNotFound):
		s.refuseCallback(w, r, "state is unknown, used or expired")
	case err != nil:
		s.unavailable(w, r, err)
	default:
		browser := hashOf(cookie.Value)
		if subtle.ConstantTimeCompare(browser[:], l.Browser[:]) == 1 {
			return l, true
		}
		s.refuseCallback(w, r, "began in another browser")
	}
	return Login{}, false
}

// begin makes the session and gives the browser its cookies. The session that the
// browser had before ends.
func (s *Service) begin(w http.ResponseWriter, r *http.Request, session Session, refresh string) error {
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if old, ok := s.sessionSecret(r); ok {
		if before, err := s.Store.FindSession(ctx, hashOf(old), s.bounds()); err == nil {
			if _, err := s.endSessions(ctx, Which{ID: before.ID, Subject: before.Subject}); err != nil {
				return err
			}
		}
	}
	now := s.Now()
	secret := newSecret()
	session.ID, session.UserAgent = rand.Text(), cut(r.UserAgent(), 200)
	session.Created, session.Used, session.Confirmed, session.Expires = now, now, now, now.Add(s.Absolute)
	if refresh != "" {
		session.ProviderRefresh = s.keys.seal.close([]byte(refresh), session.ID)
	}
	if err := s.Store.CreateSession(ctx, session, hashOf(secret)); err != nil {
		return err
	}
	if err := s.giveAccess(w, session); err != nil {
		return err
	}
	s.setCookie(w, s.cookies.Session, secret, s.Absolute)
	s.logins.WithLabelValues("login").Inc()
	s.Log.InfoContext(r.Context(), "signed in", "subject", session.Subject, "session", session.ID)
	return nil
}

func (s *Service) refuseCallback(w http.ResponseWriter, r *http.Request, reason string) {
	s.logins.WithLabelValues("callback_refused").Inc()
	s.Log.InfoContext(r.Context(), "sign-in refused", "reason", reason)
	showPage(w, http.StatusBadRequest, "You were not signed in", "This sign-in has expired or began in another window. Please start again.")
}

// unavailable answers 503 when the provider or the database is down.
func (s *Service) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	s.logins.WithLabelValues("unavailable").Inc()
	s.Log.WarnContext(r.Context(), "signing in is not possible", "error", err)
	w.Header().Set("Retry-After", "5")
	showPage(w, http.StatusServiceUnavailable, "Signing in is not possible right now",
		"Please try again in a moment. Browsing and searching work as always.")
}

// localPath accepts what leads to a page of this site: a path that is written as
// it is meant, with query and fragment. What somebody could take for another site
// is refused: //host, also behind dots that resolve to it, \, and the characters
// that browsers remove.
func localPath(s string) (local string, ok bool) {
	if s == "" {
		return "/", true
	}
	for _, c := range s {
		if c <= ' ' || c == '\\' || c == 0x7f {
			return "", false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(s) > 2000 ||
		!strings.HasPrefix(s, "/") || path.Clean(u.Path) != "/"+strings.Trim(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.HasSuffix(u.Path, "//") ||
		strings.HasPrefix(u.Path, "/auth/") || strings.ContainsAny(u.Path, "\\\r\n\t") {
		return "", false
	}
	return s, true
}

// plausibleSecret spares the database what cannot be one of ours.
func plausibleSecret(s string) bool { return len(s) == len(rand.Text())*2 }

func firstOf(a, b string) string {
	if a != "" {
		return cut(a, 60)
	}
	return b
}

func cut(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }
