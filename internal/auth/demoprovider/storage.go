package demoprovider

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Lifetimes of what the provider gives out.
const (
	accessTokenLife  = 5 * time.Minute
	refreshTokenLife = 12 * time.Hour
	requestLife      = 10 * time.Minute
)

// storage is the provider's memory: what is under way and what was given out. It
// is safe for concurrent use; expired entries go when new ones come.
type storage struct {
	options Options
	key     signingKey

	mu       sync.Mutex
	requests map[string]*authRequest
	codes    map[string]string // authorization code -> request id
	access   map[string]grant  // access token id
	refresh  map[string]grant  // refresh token
	disabled map[string]bool   // subject
}

// grant is what a token stands for.
type grant struct {
	subject, clientID, accessID string
	scopes                      []string
	authTime, expires           time.Time
}

func newStorage(o Options, key signingKey) *storage {
	return &storage{options: o, key: key, requests: map[string]*authRequest{}, codes: map[string]string{}, access: map[string]grant{}, refresh: map[string]grant{},
		disabled: map[string]bool{}}
}

var (
	_ op.Storage                   = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest = (*storage)(nil)
)

var errUnknown = errors.New("unknown or expired")

// authenticate checks what was typed into the login form.
func (s *storage) authenticate(requestID, name, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[requestID]
	if !ok {
		return errors.New("this sign-in has expired; go back to the application and start again")
	}
	u, ok := userByName(name)
	if !ok || subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) != 1 || s.disabled[u.Subject] {
		return errors.New("that name and password do not match")
	}
	r.subject, r.authTime = u.Subject, time.Now()
	return nil
}

func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(r.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.requests, func(_ string, old *authRequest) bool { return now.Sub(old.created) > requestLife })
	maps.DeleteFunc(s.access, func(_ string, g grant) bool { return now.After(g.expires) })
	maps.DeleteFunc(s.refresh, func(_ string, g grant) bool { return now.After(g.expires) })
	maps.DeleteFunc(s.codes, func(_, id string) bool { return s.requests[id] == nil })
	out := &authRequest{AuthRequest: *r, id: rand.Text(), created: now}
	s.requests[out.id] = out
	return out.copy(), nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.requests[id]; ok {
		return r.copy(), nil
	}
	return nil, errUnknown
}

// AuthRequestByCode gives the request out once: a code that is used again is
// unknown.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.codes[code]
	r := s.requests[id]
	if !ok || r == nil {
		return nil, errUnknown
	}
	delete(s.codes, code)
	return r.copy(), nil
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.newAccess(r)
	return g.accessID, g.expires, nil
}

func (s *storage) newAccess(r op.TokenRequest) grant {
	g := grant{subject: r.GetSubject(), clientID: s.options.ClientID, accessID: rand.Text(), scopes: r.GetScopes(),
		authTime: authTime(r), expires: time.Now().Add(accessTokenLife)}
	s.access[g.accessID] = g
	return g
}

// CreateAccessAndRefreshTokens rotates: the refresh token that was used is gone,
// and so is the access token that came with it.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		old, ok := s.refresh[current]
		if !ok {
			return "", "", time.Time{}, op.ErrInvalidRefreshToken
		}
		delete(s.refresh, current)
		delete(s.access, old.accessID)
	}
	g := s.newAccess(r)
	token := rand.Text()
	kept := g
	kept.expires = time.Now().Add(refreshTokenLife)
	s.refresh[token] = kept
	return g.accessID, token, g.expires, nil
}

func authTime(r op.TokenRequest) time.Time {
	if t, ok := r.(interface{ GetAuthTime() time.Time }); ok {
		return t.GetAuthTime()
	}
	return time.Now()
}

func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.refresh[token]
	if !ok || time.Now().After(g.expires) || s.disabled[g.subject] {
		return nil, op.ErrInvalidRefreshToken
	}
	return &refreshRequest{grant: g}, nil
}

// TerminateSession forgets every token of the user and tells the client.
func (s *storage) TerminateSession(ctx context.Context, userID, _ string) error {
	if userID == "" {
		return nil
	}
	defer s.tellClient(ctx, userID)
	s.mu.Lock()
	defer s.mu.Unlock()
	ofUser := func(_ string, g grant) bool { return g.subject == userID }
	maps.DeleteFunc(s.access, ofUser)
	maps.DeleteFunc(s.refresh, ofUser)
	return nil
}

func (s *storage) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.refresh[token]; ok {
		delete(s.access, g.accessID)
	}
	delete(s.refresh, token)
	delete(s.access, token)
	return nil
}

func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (string, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.refresh[token]; ok {
		return g.subject, token, nil
	}
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.options.ClientID {
		return nil, errUnknown
	}
	return client{s.options}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.options.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret)) != 1 {
		return errors.New("wrong client id or secret")
	}
	return nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	return describe(info, r.GetSubject())
}

func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, subject, _ string) error {
	s.mu.Lock()
	g, ok := s.access[tokenID]
	s.mu.Unlock()
	if !ok || g.subject != subject || time.Now().After(g.expires) {
		return errUnknown
	}
	return describe(info, subject)
}

func (s *storage) SetIntrospectionFromToken(_ context.Context, out *oidc.IntrospectionResponse, tokenID, subject, clientID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.access[tokenID]
	out.Active = ok && g.subject == subject && time.Now().Before(g.expires)
	out.ClientID = clientID
	return nil
}

func describe(info *oidc.UserInfo, subject string) error {
	u, ok := userByName(subject)
	if !ok {
		return errUnknown
	}
	info.Subject, info.Name, info.Email = u.Subject, u.Name, u.Email
	info.EmailVerified = true
	info.AppendClaims("roles", u.Roles)
	return nil
}

// GetPrivateClaimsFromScopes puts the roles into access tokens.
func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, userID, _ string, _ []string) (map[string]any, error) {
	u, ok := userByName(userID)
	if !ok {
		return nil, errUnknown
	}
	return map[string]any{"roles": u.Roles, "name": u.Name}, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown // the client has no keys
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnknown // the grant is not offered
}

func (s *storage) Health(context.Context) error { return nil }

// signingKey signs id and access tokens.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey(private *rsa.PrivateKey) signingKey {
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&private.PublicKey))
	return signingKey{id: hex.EncodeToString(sum[:8]), private: private}
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// publicKey is its other half, as the JWKS shows it.
type publicKey struct{ signingKey }

func (k publicKey) Key() any                           { return &k.private.PublicKey }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }

func (k signingKey) String() string { return fmt.Sprintf("key %s", k.id) }
