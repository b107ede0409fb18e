package auth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// stopAt makes the browser stop before it follows a redirect to that path, and
// returns the last request it did not send.
func (b *browser) stopAt(path string) (stopped func() *url.URL) {
	var at *url.URL
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == path {
			at = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	return func() *url.URL {
		b.t.Helper()
		b.CheckRedirect = nil
		if at == nil {
			b.t.Fatal(errors.New("no redirect to " + path))
		}
		return at
	}
}

// interrupted signs in up to the callback, which is returned and not sent.
func (b *browser) interrupted() (callback string) {
	b.t.Helper()
	stopped := b.stopAt("/auth/callback")
	b.signIn("/", "demo-user", "user")
	return stopped().RequestURI()
}

func TestReplayedCallbackIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	callback := b.interrupted()
	login := b.cookies()
	if r := b.do(http.MethodGet, callback); r.StatusCode != http.StatusOK {
		t.Fatalf("the callback itself: %s %s", r.Status, text(r))
	}
	for name, value := range login {
		b.setCookie(name, value)
	}
	if r := b.do(http.MethodGet, callback); r.StatusCode != http.StatusBadRequest {
		t.Errorf("state and code again: %s", r.Status)
	}
}

func TestReplayedCodeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	callback := b.interrupted()
	b.do(http.MethodGet, callback)
	used, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	other := w.newBrowser(t)
	fresh, err := url.Parse(other.interrupted())
	if err != nil {
		t.Fatal(err)
	}
	q := fresh.Query()
	q.Set("code", used.Query().Get("code"))
	if r := other.do(http.MethodGet, "/auth/callback?"+q.Encode()); r.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", r.Status)
	}
	if _, status := other.me(); status != http.StatusUnauthorized {
		t.Errorf("signed in: status %d", status)
	}
}

// A code that was obtained in one browser signs nobody in in another: neither
// with its state (login CSRF) nor, thanks to PKCE and nonce, with another's.
func TestCallbackIsTiedToItsBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	attacker, victim := w.newBrowser(t), w.newBrowser(t)
	callback := attacker.interrupted()
	if r := victim.do(http.MethodGet, callback); r.StatusCode != http.StatusBadRequest {
		t.Errorf("without the cookie: %s", r.Status)
	}
	stolen, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	own, err := url.Parse(victim.interrupted())
	if err != nil {
		t.Fatal(err)
	}
	q := own.Query()
	q.Set("code", stolen.Query().Get("code"))
	if r := victim.do(http.MethodGet, "/auth/callback?"+q.Encode()); r.StatusCode != http.StatusBadRequest {
		t.Errorf("with another sign-in's code: %s", r.Status)
	}
}

func TestCallbackWithAMadeUpCookieIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	attacker, victim := w.newBrowser(t), w.newBrowser(t)
	callback, err := url.Parse(attacker.interrupted())
	if err != nil {
		t.Fatal(err)
	}
	victim.setCookie("login-"+callback.Query().Get("state")[:8], strings.Repeat("A", 52))
	if r := victim.do(http.MethodGet, callback.RequestURI()); r.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", r.Status)
	}
	if _, status := victim.me(); status != http.StatusUnauthorized {
		t.Errorf("signed in: status %d", status)
	}
}

// An id token that answers another request is refused even with the right code.
func TestWrongNonceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	changed := false
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if q := r.URL.Query(); q.Get("nonce") != "" {
			q.Set("nonce", "another")
			r.URL.RawQuery = q.Encode()
			changed = true
		}
		return nil
	}
	if r := b.signIn("/", "demo-user", "user"); r.StatusCode != http.StatusBadRequest || !changed {
		t.Errorf("got %s, nonce changed %t", r.Status, changed)
	}
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Errorf("signed in: status %d", status)
	}
}

func TestExpiredSignInIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	callback := b.interrupted()
	w.clock.advance(11 * time.Minute)
	if r := b.do(http.MethodGet, callback); r.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", r.Status)
	}
}

func TestReturnToNeverLeavesTheSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	for _, target := range []string{
		"https://evil.test/", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "http:evil.test", "evil.test", "javascript:alert(1)",
		"/\t/evil.test", "/%09/evil.test\n", " /", "/%2f/../..//evil.test\r", "//user@evil.test/", "https:///evil.test", "/%5Cevil.test", "/auth/logout", "?x", "#x",
		"/%2Fevil.test", "/..//evil.test", "/a/../..//evil.test", "/%2e%2e//evil.test", "/a//evil.test", "/./", "/a/..", "//", "/a//",
	} {
		r := b.do(http.MethodGet, "/auth/login?return_to="+url.QueryEscape(target))
		if r.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", target, r.Status)
		}
	}
}

func TestSessionFixationIsOfNoUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	attacker, victim := w.newBrowser(t), w.newBrowser(t)
	attacker.signIn("/", "demo-user", "user")
	planted := attacker.cookies()["session"]
	victim.setCookie("session", planted)
	victim.signIn("/", "demo-editor", "editor")
	if victim.cookies()["session"] == planted {
		t.Error("the planted session was kept")
	}
	if _, status := attacker.me(); status != http.StatusUnauthorized {
		t.Errorf("the planted session lives on: status %d", status)
	}
	if who, _ := victim.me(); who.Subject != "demo-editor" {
		t.Errorf("the victim is %+v", who)
	}
}

func TestOtherSitesCannotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	who, _ := b.me()
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://other.movies.test"},
		{"Origin", "https://evil.test"},
		{"Origin", "null"},
	} {
		for method, path := range map[string]string{"POST": "/auth/logout", "DELETE": "/v1/me/sessions/" + who.Session.ID, "PUT": "/auth/refresh"} {
			if r := b.do(method, path, headers...); r.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s with %v: %s", method, path, headers, r.Status)
			}
		}
	}
	if _, status := b.me(); status != http.StatusOK {
		t.Errorf("afterwards: status %d", status)
	}
	if r := b.do(http.MethodPost, "/auth/refresh", "Sec-Fetch-Site", "same-origin", "Origin", w.url); r.StatusCode != http.StatusOK {
		t.Errorf("one's own site: %s", r.Status)
	}
}

func TestReusedSecretEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b, thief := w.newBrowser(t), w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	stolen := b.cookies()["session"]
	for range 3 { // several rotations ago counts too
		if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
			t.Fatal(r.Status)
		}
	}
	thief.setCookie("session", stolen)
	if _, status := thief.me(); status != http.StatusUnauthorized {
		t.Errorf("a spent secret shows who it was: status %d", status)
	}
	r := thief.do(http.MethodPost, "/auth/refresh") // as a second tab at the same moment would
	if r.StatusCode != http.StatusOK || thief.cookies()["session"] != stolen {
		t.Errorf("within the grace: %s, new secret %t", r.Status, thief.cookies()["session"] != stolen)
	}
	if _, status := b.me(); status != http.StatusOK {
		t.Fatalf("two tabs ended the session: status %d", status)
	}
	w.clock.advance(time.Minute)
	if r := thief.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the thief gets %s", r.Status)
	}
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Errorf("the session lives on: status %d", status)
	}
}

type sessionList struct {
	Items []struct {
		ID      string
		Current bool
	}
}

func (b *browser) sessions(headers ...string) sessionList {
	b.t.Helper()
	var list sessionList
	r := b.do(http.MethodGet, "/v1/me/sessions", headers...)
	if r.StatusCode != http.StatusOK {
		b.t.Fatalf("sessions: %s", r.Status)
	}
	if err := json.Unmarshal(r.body, &list); err != nil {
		b.t.Fatal(err)
	}
	return list
}

func TestSessionsAreTheirOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	phone, laptop, editor := w.newBrowser(t), w.newBrowser(t), w.newBrowser(t)
	phone.signIn("/", "demo-user", "user")
	laptop.signIn("/", "demo-user", "user")
	editor.signIn("/", "demo-editor", "editor")
	list := laptop.sessions()
	laptopIs, _ := laptop.me()
	phoneIs, _ := phone.me()
	if len(list.Items) != 2 || len(editor.sessions().Items) != 1 {
		t.Fatalf("got %+v", list)
	}
	for _, item := range list.Items {
		if item.Current != (item.ID == laptopIs.Session.ID) {
			t.Errorf("current is wrong: %+v", item)
		}
	}
	if r := editor.do(http.MethodDelete, "/v1/me/sessions/"+phoneIs.Session.ID); r.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else's session: %s", r.Status)
	}
	if _, status := phone.me(); status != http.StatusOK {
		t.Fatalf("somebody else ended the session: status %d", status)
	}
	if r := laptop.do(http.MethodDelete, "/v1/me/sessions/"+phoneIs.Session.ID); r.StatusCode != http.StatusNoContent {
		t.Errorf("one's own session: %s", r.Status)
	}
	if _, status := phone.me(); status != http.StatusUnauthorized {
		t.Errorf("the revoked session lives on: status %d", status)
	}

	token, err := w.provider.Token("demo-user", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	script := w.newBrowser(t)
	if list := script.sessions("Authorization", "Bearer "+token); len(list.Items) != 1 || list.Items[0].ID != laptopIs.Session.ID {
		t.Errorf("by bearer token: %+v", list)
	}
	if r := script.do(http.MethodDelete, "/v1/me", "Authorization", "Bearer "+token); r.StatusCode != http.StatusNoContent {
		t.Errorf("sign out everywhere: %s", r.Status)
	}
	if _, status := laptop.me(); status != http.StatusUnauthorized {
		t.Errorf("signed out everywhere: status %d", status)
	}
	if _, status := editor.me(); status != http.StatusOK {
		t.Errorf("another person was signed out: status %d", status)
	}
}

func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	send := func(token string) int {
		response, err := http.PostForm(w.url+"/auth/backchannel-logout", url.Values{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	access, err := w.provider.Token("demo-user", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{"nothing": "", "an access token": access, "no token": "a.b.c"} {
		if status := send(bad); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if _, status := b.me(); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	logout, err := w.provider.LogoutToken("demo-user")
	if err != nil {
		t.Fatal(err)
	}
	if status := send(logout); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Errorf("the session lives on: status %d", status)
	}
	w.clock.advance(2 * time.Second)
	b.signIn("/", "demo-user", "user")
	if status := send(logout); status != http.StatusOK {
		t.Errorf("again: status %d", status)
	}
	if _, status := b.me(); status != http.StatusOK {
		t.Errorf("a replayed logout ends a later session: status %d", status)
	}
}
