package auth_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"movies/internal/auth"
	"movies/internal/auth/identity"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	for name, overTLS := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signInAndOut(t, newWorld(t, overTLS))
		})
	}
}

// signInAndOut is what somebody does with a browser, at any provider: it knows of
// the provider only that its login form has a name and a password.
func signInAndOut(t *testing.T, w *world) {
	t.Helper()
	overTLS := w.tls != nil
	b := w.newBrowser(t)
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Fatalf("before signing in: status %d", status)
	}
	landed := b.signIn("/v1x?q=a+b&year=1999#top", "demo-editor", "editor")
	if got := text(landed); got != "the page at /v1x?q=a+b&year=1999" {
		t.Fatalf("landed on %s: %s", landed.Request.URL, got)
	}
	who, status := b.me()
	if status != http.StatusOK || who.Subject != "demo-editor" || who.Name != "Edda Editor" || who.Email != "editor@demo.test" ||
		!slices.Equal(who.Roles, []string{"user", "editor"}) {
		t.Fatalf("got %d, %+v", status, who)
	}
	prefix := map[bool]string{false: "", true: "__Host-"}[overTLS]
	before := b.cookies()
	if len(before) != 2 || before[prefix+"session"] == "" || before[prefix+"access"] == "" {
		t.Fatalf("cookies: %v", before)
	}

	refreshed := b.do(http.MethodPost, "/auth/refresh")
	if refreshed.StatusCode != http.StatusOK {
		t.Fatalf("refresh: %s", refreshed.Status)
	}
	for _, c := range refreshed.Cookies {
		if !c.HttpOnly || c.Secure != overTLS || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("cookie %+v", c)
		}
	}
	if after := b.cookies(); after[prefix+"session"] == before[prefix+"session"] || after[prefix+"access"] == before[prefix+"access"] {
		t.Error("a refresh left a cookie as it was")
	}

	out := b.do(http.MethodPost, "/auth/logout")
	if out.Request.URL.String() != w.url+"/" {
		t.Errorf("signing out ends at %s (%s)", out.Request.URL, out.Status)
	}
	if _, status := b.me(); status != http.StatusUnauthorized || len(b.cookies()) != 0 {
		t.Errorf("after signing out: status %d, cookies %v", status, b.cookies())
	}
}

func TestSignOutTellsScriptsWhereToGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	out := b.do(http.MethodPost, "/auth/logout", "Accept", "application/json", "Sec-Fetch-Site", "same-origin")
	if got := text(out); out.StatusCode != http.StatusOK || !strings.Contains(got, w.issuer+"/end_session?") {
		t.Errorf("got %s %s", out.Status, got)
	}
}

func TestWrongPasswordSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	if page := b.signIn("/", "demo-user", "wrong"); page.StatusCode != http.StatusUnauthorized {
		t.Errorf("the provider answers %s", page.Status)
	}
	if _, status := b.me(); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
}

func TestSessionsEndAtTheirBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	idle := w.newBrowser(t)
	idle.signIn("/", "demo-user", "user")
	w.clock.advance(auth.DefaultIdle - time.Minute)
	if _, status := idle.me(); status != http.StatusOK {
		t.Fatalf("before the idle bound: status %d", status)
	}
	w.clock.advance(2 * time.Minute)
	if _, status := idle.me(); status != http.StatusUnauthorized {
		t.Errorf("past the idle bound: status %d", status)
	}
	if r := idle.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("past the idle bound a refresh gives %s", r.Status)
	}

	busy := w.newBrowser(t)
	busy.signIn("/", "demo-user", "user")
	for used := time.Duration(0); used < auth.DefaultAbsolute-20*time.Minute; used += 20 * time.Minute {
		w.clock.advance(20 * time.Minute)
		if r := busy.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
			t.Fatalf("after %v of use a refresh gives %s", used, r.Status)
		}
	}
	w.clock.advance(20 * time.Minute)
	if r := busy.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("past the absolute bound a refresh gives %s", r.Status)
	}
}

func TestProviderDownMeansNoSignInAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	w.providerUp.set(true)
	b := w.newBrowser(t)
	page := b.do(http.MethodGet, "/auth/login")
	if page.StatusCode != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" ||
		!strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(text(page), "not possible right now") {
		t.Fatalf("got %s, %v, %s", page.Status, page.Header, text(page))
	}
	w.providerUp.set(false)
	await(t, "signing in works again", func() bool { return b.do(http.MethodGet, "/auth/login").StatusCode == http.StatusOK })
	b.signIn("/", "demo-user", "user")
	w.providerUp.set(true)
	if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
		t.Errorf("refresh without the provider: %s", r.Status)
	}
	if r := b.do(http.MethodPost, "/auth/logout", "Accept", "application/json"); r.StatusCode != http.StatusOK {
		t.Errorf("sign-out without the provider: %s", r.Status)
	}
}

// Who may not come in any more at the provider is out with the next refresh, and
// their access token with them.
func TestProviderKeepsSomebodyOut(t *testing.T) {
	t.Parallel()
	announced := &announcements{}
	w := newWorld(t, false, func(o *auth.Options) {
		o.Scopes, o.Announcer = append(o.Scopes, "offline_access"), announced
	})
	b, other := w.newBrowser(t), w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	other.signIn("/", "demo-editor", "editor")
	who, _ := b.me()
	for range 3 { // the provider's refresh token rotates too
		w.clock.advance(4 * time.Minute)
		if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
			t.Fatalf("before: %s", r.Status)
		}
	}
	w.provider.Disable("demo-user")
	if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
		t.Errorf("a moment after the provider was asked: %s", r.Status)
	}
	w.clock.advance(4 * time.Minute)
	w.providerUp.set(true)
	if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
		t.Errorf("while the provider is down: %s", r.Status)
	}
	w.providerUp.set(false)
	if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusUnauthorized || len(b.cookies()) != 0 {
		t.Errorf("afterwards: %s, cookies %v", r.Status, b.cookies())
	}
	await(t, "the end is announced", func() bool { return announced.has(who.Session.ID) })
	if r := other.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
		t.Errorf("another person: %s", r.Status)
	}
	if page := b.signIn("/", "demo-user", "user"); page.StatusCode != http.StatusUnauthorized {
		t.Errorf("signing in again: %s", page.Status)
	}
}

// announcements is an Announcer that remembers.
type announcements struct {
	mu    sync.Mutex
	ended []string
}

func (a *announcements) PublishRevocations(_ context.Context, ended []identity.Revocation) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range ended {
		a.ended = append(a.ended, r.Session)
	}
	return nil
}

func (a *announcements) has(session string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.ended, session)
}

func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.newBrowser(t)
	b.signIn("/", "demo-user", "user")
	b.do(http.MethodPost, "/auth/refresh")
	old := b.cookies()["session"]
	b.do(http.MethodPost, "/auth/refresh")
	w.clock.advance(time.Minute)
	b.setCookie("session", old)
	b.do(http.MethodPost, "/auth/refresh") // reuse: is logged
	b.signIn("/", "demo-user", "user")
	b.do(http.MethodGet, "/auth/callback?code=spy&state="+strings.Repeat("S", 52)) // refused: is logged
	b.do(http.MethodPost, "/auth/logout")
	token, err := w.provider.Token("demo-user", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b.do(http.MethodGet, "/v1/me/sessions", "Authorization", "Bearer "+token+"x")
	logs := w.logs.String()
	if len(b.secrets) < 15 || !strings.Contains(logs, "signed in") || !strings.Contains(logs, "spent") {
		t.Fatalf("the test saw %d secrets and these logs:\n%s", len(b.secrets), logs)
	}
	for _, secret := range append(b.secrets, token, "client secret of the test", "id_token") {
		if len(secret) > 3 && strings.Contains(logs, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}
