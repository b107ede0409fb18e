// Package demoprovider is an OpenID provider for the demo and the tests: two
// people, one client, everything in memory but the signing key. It speaks the
// real protocol (authorization code with PKCE, refresh rotation, logout) by the
// zitadel library's provider; what is ours is the storage and the login form.
//
// It promises nothing about safety: its passwords are public. Production uses a
// provider of its own.
package demoprovider

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// User is somebody who can sign in.
type User struct {
	// Subject is the stable identifier, Name what people see, Password what they
	// type: demo passwords are no secrets.
	Subject, Name, Email, Password string
	// Roles end up in the claim "roles".
	Roles []string
}

// Users are the people of the demo.
var Users = []User{
	{Subject: "demo-user", Name: "Uma User", Email: "user@demo.test", Password: "user", Roles: []string{"user"}},
	{Subject: "demo-editor", Name: "Edda Editor", Email: "editor@demo.test", Password: "editor", Roles: []string{"user", "editor"}},
}

// Options configure a provider.
type Options struct {
	// Issuer is the provider's own URL, as browsers and clients reach it.
	Issuer string
	// ClientID and ClientSecret are those of the one client.
	ClientID, ClientSecret string
	// RedirectURIs and PostLogoutURIs are compared exactly.
	RedirectURIs, PostLogoutURIs []string
	// BackChannelLogoutURI is called when somebody signs out here; empty for none.
	BackChannelLogoutURI string
	// KeyFile keeps the signing key, so that tokens outlive a restart; it is made
	// when missing. Empty: a new key at every start.
	KeyFile string
	Log     *slog.Logger
}

// Provider is an http.Handler that also mints tokens.
type Provider struct {
	http.Handler
	options Options
	key     signingKey
	store   *storage
}

// New builds a provider; it serves nothing by itself.
func New(o Options) (*Provider, error) {
	private, err := loadKey(o.KeyFile)
	if err != nil {
		return nil, err
	}
	p := &Provider{options: o, key: newSigningKey(private)}
	store := newStorage(o, p.key)
	p.store = store
	provider, err := op.NewProvider(&op.Config{
		CryptoKey:                sha256.Sum256(x509.MarshalPKCS1PrivateKey(private)),
		DefaultLogoutRedirectURI: "/signed-out",
		CodeMethodS256:           true,
		AuthMethodPost:           true,
		GrantTypeRefreshToken:    true,
		SupportedClaims:          []string{"sub", "name", "email", "roles"},
	}, store, op.StaticIssuer(o.Issuer), op.WithAllowInsecure(), op.WithLogger(o.Log))
	if err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	mux := http.NewServeMux()
	callback := op.AuthCallbackURL(provider)
	interceptor := op.NewIssuerInterceptor(provider.IssuerFromRequest)
	mux.HandleFunc("GET /login", loginForm)
	mux.HandleFunc("POST /login", interceptor.HandlerFunc(login(store, callback)))
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "You are signed out of the demo's provider.")
	})
	mux.Handle("/", provider)
	p.Handler = mux
	return p, nil
}

// Disable keeps somebody out from now on: no sign-in, no refresh.
func (p *Provider) Disable(subject string) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	p.store.disabled[subject] = true
}

// Token mints an access token of the named user for the client, as a token
// endpoint would, valid for the given time: to paste into a REST client.
func (p *Provider) Token(subject string, valid time.Duration) (string, error) {
	i := slices.IndexFunc(Users, func(u User) bool { return u.Subject == subject })
	if i < 0 {
		return "", fmt.Errorf("demo provider: there is no user %q", subject)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key.private, KeyID: p.key.id}},
		(&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.options.Issuer, Subject: subject, Audience: jwt.Audience{p.options.ClientID}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(valid)),
	}).Claims(map[string]any{"roles": Users[i].Roles, "name": Users[i].Name, "client_id": p.options.ClientID}).Serialize()
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Sign in to the demo</title>
<main><h1>Sign in to the demo</h1>
{{with .Error}}<p role="alert">{{.}}</p>{{end}}
<form method="post" action="/login"><input type="hidden" name="id" value="{{.ID}}">
<p><label>Name <input name="username" id="username" autocomplete="username" required></label>
<p><label>Password <input name="password" id="password" type="password" autocomplete="current-password" required></label>
<p><button>Sign in</button></form>
<p>For the demo: <code>demo-user</code> with <code>user</code>, <code>demo-editor</code> with <code>editor</code>.</main></html>`))

type loginData struct{ ID, Error string }

func loginForm(w http.ResponseWriter, r *http.Request) {
	showLogin(w, http.StatusOK, loginData{ID: r.FormValue("id")})
}

func showLogin(w http.ResponseWriter, status int, d loginData) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = loginPage.Execute(w, d) // the client may be gone; nothing is lost
}

func login(store *storage, callback func(context.Context, string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PostFormValue("id")
		if err := store.authenticate(id, r.PostFormValue("username"), r.PostFormValue("password")); err != nil {
			showLogin(w, http.StatusUnauthorized, loginData{ID: id, Error: err.Error()})
			return
		}
		http.Redirect(w, r, callback(r.Context(), id), http.StatusFound)
	}
}

// loadKey reads the signing key, or makes one and keeps it.
func loadKey(file string) (*rsa.PrivateKey, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err == nil {
			block, _ := pem.Decode(b)
			if block == nil {
				return nil, fmt.Errorf("demo provider: %s is no PEM file; remove it and a new key is made", file)
			}
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		}
		if !os.IsNotExist(err) {
			return nil, fmt.Errorf("demo provider: %w", err)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil || file == "" {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("demo provider: %w", err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return key, os.WriteFile(file, b, 0o600)
}

// userByName finds somebody by what they type as their name.
func userByName(name string) (User, bool) {
	i := slices.IndexFunc(Users, func(u User) bool { return strings.EqualFold(u.Subject, name) || strings.EqualFold(u.Email, name) })
	if i < 0 {
		return User{}, false
	}
	return Users[i], true
}
