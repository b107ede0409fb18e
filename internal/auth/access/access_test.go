package access_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"movies/internal/auth/access"
	"movies/internal/auth/identity"
	"movies/internal/auth/token"
	"movies/internal/movie"
)

// issuers plays auth and the provider: both publish keys, and count how often
// they are asked.
type issuers struct {
	url      string
	ring     atomic.Pointer[token.Ring]
	rsa      *rsa.PrivateKey
	down     atomic.Bool
	authAsks atomic.Int32
	oidcAsks atomic.Int32
}

func newIssuers(t testing.TB) *issuers {
	t.Helper()
	i := &issuers{}
	var err error
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	i.ring.Store(&token.Ring{newKey(t)})
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("/auth/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.authAsks.Add(1)
		answer(w, i.ring.Load().Public(token.DefaultSchedule, time.Now()))
	})
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.oidcAsks.Add(1)
		answer(w, map[string]any{"issuer": i.url, "authorization_endpoint": i.url + "/a", "token_endpoint": i.url + "/t", "jwks_uri": i.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.rsa.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func newKey(t testing.TB) token.Key {
	t.Helper()
	k, err := token.NewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// authenticator runs one that trusts the issuers.
func (i *issuers) authenticator(t testing.TB) *access.Authenticator {
	t.Helper()
	u, err := url.Parse(i.url)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	a := access.New(access.Options{PublicURL: u, AuthURL: u, Log: log,
		Provider: access.NewProvider(access.ProviderOptions{Issuer: i.url, Audience: "movies", Algorithm: "RS256", RolesClaim: "realm_access.roles", Log: log})})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return a
}

func (i *issuers) mint(t testing.TB, k token.Key) string {
	t.Helper()
	raw, _, err := token.Mint(k, i.url, identity.Identity{Subject: "u", Session: "s", Roles: []string{"editor"}, Expires: time.Now().Add(time.Hour)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// bearer signs a token of the provider; change may alter its claims.
func (i *issuers) bearer(t testing.TB, change func(map[string]any)) string {
	t.Helper()
	return i.sign(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.rsa, KeyID: "k"}}, change)
}

func (i *issuers) sign(t testing.TB, key jose.SigningKey, change func(map[string]any)) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": i.url, "aud": []string{"account", "movies"}, "sub": "u", "exp": time.Now().Add(time.Minute).Unix(),
		"iat": time.Now().Unix(), "typ": "Bearer", "realm_access": map[string]any{"roles": []string{"editor", "root"}}}
	if change != nil {
		change(claims)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func with(header, value string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if header != "" {
		r.Header.Set(header, value)
	}
	return r
}

func TestProofsAreTold(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	if _, err := a.Authenticate(with("", "")); !errors.Is(err, access.ErrNone) {
		t.Errorf("nothing: %v", err)
	}
	who, err := a.Authenticate(with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0])))
	if err != nil || who.Subject != "u" || who.Session != "s" || !who.Is("editor") {
		t.Errorf("cookie: %+v, %v", who, err)
	}
	who, err = a.Authenticate(with("Authorization", "bearer "+i.bearer(t, nil)))
	if err != nil || who.Subject != "u" || who.Session != "" || !who.Is("editor") || who.Is("root") {
		t.Errorf("bearer: %+v, %v", who, err)
	}
	// A header that is there counts, whatever the cookie says.
	r := with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0]))
	r.Header.Set("Authorization", "Bearer x")
	if _, err := a.Authenticate(r); !errors.Is(err, identity.ErrRefused) {
		t.Errorf("bad bearer beside a good cookie: %v", err)
	}
}

func TestTokensOfEndedSessionsAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	cookie := with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0]))
	a.Revoke(identity.Revocation{Session: "another", At: time.Now()})
	a.Revoke(identity.Revocation{Session: "s", At: time.Now().Add(-time.Hour)}) // all its tokens have expired since
	if _, err := a.Authenticate(cookie); err != nil {
		t.Fatal(err)
	}
	a.Revoke(identity.Revocation{Session: "s", At: time.Now()})
	if _, err := a.Authenticate(cookie); !errors.Is(err, identity.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

// A proof that was found good once is judged by its expiry every time.
func TestRememberedProofsExpire(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	raw := i.bearer(t, func(c map[string]any) { c["exp"] = time.Now().Add(2 * time.Second).Unix() })
	deadline := time.Now().Add(20 * time.Second)
	for good := 0; ; good++ {
		_, err := a.Authenticate(with("Authorization", "Bearer "+raw))
		if errors.Is(err, identity.ErrRefused) && good > 0 {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("after %d times: %v", good, err)
		}
	}
}

func TestForgedBearerTokensAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	if _, err := a.Authenticate(with("Authorization", "Bearer "+i.bearer(t, nil))); err != nil {
		t.Fatalf("the token that the others are derived from: %v", err)
	}
	set := func(name string, value any) string {
		return i.bearer(t, func(c map[string]any) { c[name] = value })
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := x509.MarshalPKCS1PublicKey(&i.rsa.PublicKey)
	parts := strings.Split(i.bearer(t, nil), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k"}`))
	for name, raw := range map[string]string{
		"expired":                  set("exp", time.Now().Add(-time.Second).Unix()),
		"no expiry":                set("exp", 0),
		"wrong audience":           set("aud", "another"),
		"no audience":              set("aud", []string{}),
		"wrong issuer":             set("iss", "https://evil.test"),
		"no subject":               set("sub", ""),
		"an id token by its nonce": set("nonce", "n"),
		"an id token by at_hash":   set("at_hash", "h"),
		"an id token by typ":       set("typ", "ID"),
		"a refresh token":          set("typ", "Refresh"),
		"a logout token":           set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}),
		"another key, same id":     i.sign(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: stranger, KeyID: "k"}}, nil),
		"HMAC with the public key": i.sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: "k"}}, nil),
		"another RSA algorithm":    i.sign(t, jose.SigningKey{Algorithm: jose.PS256, Key: jose.JSONWebKey{Key: i.rsa, KeyID: "k"}}, nil),
		"algorithm none":           none + "." + parts[1] + ".",
		"signature left out":       parts[0] + "." + parts[1] + ".",
		"our own access token":     i.mint(t, (*i.ring.Load())[0]),
		"empty":                    "",
	} {
		who, err := a.Authenticate(with("Authorization", "Bearer "+raw))
		if !errors.Is(err, identity.ErrRefused) {
			t.Errorf("%s: got %+v, %v", name, who, err)
		}
		if raw != "" && err != nil && strings.Contains(err.Error(), raw) {
			t.Errorf("%s: the error shows the token", name)
		}
	}
	if _, err := a.Authenticate(with("Cookie", "access="+i.bearer(t, nil))); !errors.Is(err, identity.ErrRefused) {
		t.Errorf("the provider's token as a cookie: %v", err)
	}
	if _, err := a.Authenticate(with("Authorization", "Basic dTpw")); !errors.Is(err, identity.ErrRefused) {
		t.Errorf("basic credentials: %v", err)
	}
}

func TestProofsStayGoodWhileIssuersAreDown(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	cookie := with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0]))
	bearer := with("Authorization", "Bearer "+i.bearer(t, nil))
	for _, r := range []*http.Request{cookie, bearer} {
		if _, err := a.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	}
	i.down.Store(true)
	begin := time.Now()
	for range 1000 {
		for _, r := range []*http.Request{cookie, bearer} {
			if _, err := a.Authenticate(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("2,000 verifications took %v: does each ask somebody?", took)
	}
	if i.authAsks.Load() != 1 || i.oidcAsks.Load() != 1 {
		t.Errorf("auth was asked %d times, the provider %d times, want once each", i.authAsks.Load(), i.oidcAsks.Load())
	}
}

func TestWithoutKeysNobodyIsJudged(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	i.down.Store(true)
	a := i.authenticator(t)
	for _, r := range []*http.Request{with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0])), with("Authorization", "Bearer "+i.bearer(t, nil))} {
		if _, err := a.Authenticate(r); !errors.Is(err, movie.ErrUnavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
	}
	i.down.Store(false)
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := a.Authenticate(with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0])))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Anybody can make tokens with unknown keys: they cause few fetches, and do not
// hold up those with known keys.
func TestUnknownKeysCauseFewFetches(t *testing.T) {
	t.Parallel()
	i := newIssuers(t)
	a := i.authenticator(t)
	known := with("Cookie", "access="+i.mint(t, (*i.ring.Load())[0]))
	if _, err := a.Authenticate(known); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				k := newKey(t)
				if _, err := a.Authenticate(with("Cookie", "access="+i.mint(t, k))); !errors.Is(err, identity.ErrRefused) {
					t.Errorf("an unknown key: %v", err)
				}
			}
		})
	}
	all.Wait()
	if n := i.authAsks.Load(); n > 3 {
		t.Errorf("400 forged tokens caused %d fetches", n)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	i := newIssuers(b)
	a := i.authenticator(b)
	for name, r := range map[string]*http.Request{
		"none": with("", ""), "cookie": with("Cookie", "access="+i.mint(b, (*i.ring.Load())[0])), "bearer": with("Authorization", "Bearer "+i.bearer(b, nil)),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := a.Authenticate(r); err != nil && !errors.Is(err, access.ErrNone) {
					b.Fatal(err)
				}
			}
		})
	}
}
