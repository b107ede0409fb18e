package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// provider is the OpenID provider. It is discovered when it is first needed and
// not before, so that a provider that is down stops nothing but signing in.
type provider struct {
	issuer, rolesClaim string
	algorithm          string
	client             *http.Client
	oauth              oauth2.Config // without endpoint

	mu      sync.Mutex
	found   *discovered
	failed  error
	retryAt time.Time
}

// discovered is what the provider says of itself.
type discovered struct {
	*oidc.Provider
	oauth      oauth2.Config
	verifier   *oidc.IDTokenVerifier
	endSession string
}

const (
	providerTimeout = 5 * time.Second
	// discoveryPause keeps a provider that is down from being asked by every
	// request.
	discoveryPause = time.Second
)

func newProvider(o Options) *provider {
	return &provider{
		issuer: o.Issuer, rolesClaim: o.RolesClaim, algorithm: o.Algorithm, client: &http.Client{Timeout: providerTimeout},
		oauth: oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret,
			RedirectURL: o.PublicURL.JoinPath("/auth/callback").String(), Scopes: append([]string{oidc.ScopeOpenID}, o.Scopes...)},
	}
}

// context makes the libraries use our client, with its timeout.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// discover returns what is known of the provider, asking it if need be. Its
// error is of kind movie.ErrUnavailable.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if time.Now().Before(p.retryAt) {
		return nil, p.failed
	}
	// The context of one request must not decide for those that wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(p.context(ctx), p.issuer)
	if err != nil {
		p.failed = fmt.Errorf("%w: OIDC_ISSUER %s: %w", movie.ErrUnavailable, p.issuer, err)
		p.retryAt = time.Now().Add(discoveryPause)
		return nil, p.failed
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	d := &discovered{Provider: found, oauth: p.oauth, endSession: more.EndSession,
		verifier: found.VerifierContext(p.context(context.WithoutCancel(ctx)), &oidc.Config{ClientID: p.oauth.ClientID, SupportedSigningAlgs: []string{p.algorithm}})}
	d.oauth.Endpoint = found.Endpoint()
	p.found = d
	return d, nil
}

// errRefused means that the provider or its token says no: trying again with the
// same code is of no use.
var errRefused = errors.New("the provider refused")

// exchange turns the code of a callback into the person who signed in. Errors are
// of kind movie.ErrUnavailable or errRefused and carry no secret.
// refresh is the provider's refresh token; empty where it gives none.
func (p *provider) exchange(ctx context.Context, code string, l Login) (session Session, refresh string, err error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Session{}, "", err
	}
	ctx = p.context(ctx)
	tokens, err := d.oauth.Exchange(ctx, code, oauth2.VerifierOption(l.Verifier))
	if err != nil {
		return Session{}, "", tokenError(err, "the code", func(answer *oauth2.RetrieveError) bool { return answer.Response.StatusCode < 500 })
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return Session{}, "", fmt.Errorf("%w: its id token: %w", errRefused, err)
	}
	if l.Nonce == "" || id.Nonce != l.Nonce {
		return Session{}, "", fmt.Errorf("%w: its id token belongs to another sign-in", errRefused)
	}
	session, err = p.describe(ctx, d, id, raw, tokens)
	return session, tokens.RefreshToken, err
}

// renew spends a refresh token of the provider and returns the session as the
// provider describes it now, with the refresh token to use next. Errors are as
// those of exchange. Only invalid_grant is a no: everything else may be a fault
// of ours, which signs nobody out. With an error there may be a refresh token, too:
// the one that was sent is spent then.
func (p *provider) renew(ctx context.Context, refresh string, session Session) (Session, string, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return session, "", err
	}
	ctx = p.context(ctx)
	tokens, err := d.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return session, "", tokenError(err, "the refresh token", func(answer *oauth2.RetrieveError) bool { return answer.ErrorCode == "invalid_grant" })
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" { // a provider need not send one (OpenID Connect Core, 12.2)
		return session, tokens.RefreshToken, nil
	}
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil { // its keys, or our clock
		return session, tokens.RefreshToken, fmt.Errorf("%w: the provider's id token: %w", movie.ErrUnavailable, err)
	}
	if id.Subject != session.Subject {
		return session, "", fmt.Errorf("%w: its id token is about somebody else", errRefused)
	}
	said, err := p.describe(ctx, d, id, raw, tokens)
	if err != nil {
		return session, tokens.RefreshToken, err
	}
	session.Name, session.Email, session.Roles, session.IDToken = said.Name, said.Email, said.Roles, said.IDToken
	return session, tokens.RefreshToken, nil
}

// tokenError tells a no of the token endpoint from one that may pass, and keeps
// what was sent out of the error.
func tokenError(err error, sent string, isNo func(*oauth2.RetrieveError) bool) error {
	var answered *oauth2.RetrieveError
	switch {
	case errors.As(err, &answered) && isNo(answered):
		return fmt.Errorf("%w %s: %q", errRefused, sent, answered.ErrorCode)
	case errors.As(err, &answered):
		return fmt.Errorf("%w: the provider's token endpoint answers %s %q", movie.ErrUnavailable, answered.Response.Status, answered.ErrorCode)
	}
	return fmt.Errorf("%w: the provider's token endpoint: %w", movie.ErrUnavailable, err)
}

// describe reads who it is from the id token, and the roles from the user info
// where the id token has none.
func (p *provider) describe(ctx context.Context, d *discovered, id *oidc.IDToken, raw string, tokens *oauth2.Token) (Session, error) {
	var c struct {
		Name      string `json:"name"`
		Preferred string `json:"preferred_username"`
		Email     string `json:"email"`
		SID       string `json:"sid"`
	}
	var all map[string]any
	if err := errors.Join(id.Claims(&c), id.Claims(&all)); err != nil {
		return Session{}, fmt.Errorf("%w: its id token: %w", errRefused, err)
	}
	roles, found := identity.RolesIn(all, p.rolesClaim)
	if !found && d.UserInfoEndpoint() != "" {
		info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil {
			return Session{}, fmt.Errorf("%w: the provider's user info: %w", movie.ErrUnavailable, err)
		}
		if info.Subject != id.Subject {
			return Session{}, fmt.Errorf("%w: its user info is about somebody else", errRefused)
		}
		if err := info.Claims(&all); err == nil {
			roles, _ = identity.RolesIn(all, p.rolesClaim)
		}
	}
	if c.Name == "" {
		c.Name = c.Preferred
	}
	return Session{Subject: id.Subject, Name: c.Name, Email: c.Email, Roles: roles, ProviderSession: c.SID, IDToken: raw}, nil
}
