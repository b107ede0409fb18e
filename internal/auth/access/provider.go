package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// ProviderOptions say which tokens of the OpenID provider are accepted.
type ProviderOptions struct {
	// Issuer is the provider's URL; it must publish discovery.
	Issuer string
	// Audience must be among a token's.
	Audience string
	// Algorithm is the one that is accepted, such as RS256.
	Algorithm string
	// RolesClaim lists roles; see identity.RolesIn.
	RolesClaim string
	Log        *slog.Logger
}

// Provider verifies bearer tokens: access tokens of the provider in JWT form.
type Provider struct {
	rolesClaim string
	keys       *keyCache
	verifier   *oidc.IDTokenVerifier
}

// NewProvider makes a verifier; it fetches nothing before Run.
func NewProvider(o ProviderOptions) *Provider {
	p := &Provider{rolesClaim: o.RolesClaim}
	p.keys = newKeyCache("the OpenID provider", discoverJWKS(o.Issuer), o.Log)
	p.verifier = oidc.NewVerifier(o.Issuer, keySet{p.keys, jose.SignatureAlgorithm(o.Algorithm)},
		&oidc.Config{ClientID: o.Audience, SupportedSigningAlgs: []string{o.Algorithm}})
	return p
}

// Run keeps the provider's keys current until the context ends.
func (p *Provider) Run(ctx context.Context) { p.keys.run(ctx) }

// Verify tells for whom a bearer token stands. Errors are of kind
// identity.ErrRefused or movie.ErrUnavailable.
func (p *Provider) Verify(r *http.Request, raw string) (identity.Identity, error) {
	verified, err := p.verifier.Verify(r.Context(), raw)
	if err != nil && (p.keys.current.Load() == nil || r.Context().Err() != nil) { // the library does not pass errors of keys on
		return identity.Identity{}, fmt.Errorf("%w: bearer tokens cannot be verified now", movie.ErrUnavailable)
	}
	var all map[string]any
	if err == nil {
		err = verified.Claims(&all)
	}
	if err == nil {
		err = isAccessToken(verified, all)
	}
	if err != nil {
		return identity.Identity{}, fmt.Errorf("%w: the bearer token: %w", identity.ErrRefused, err)
	}
	roles, _ := identity.RolesIn(all, p.rolesClaim)
	name, _ := all["name"].(string)
	return identity.Identity{Subject: verified.Subject, Name: name, Roles: roles, Expires: verified.Expiry}, nil
}

// isAccessToken refuses the provider's other tokens, which are signed alike but
// are no permission to call an API.
func isAccessToken(t *oidc.IDToken, claims map[string]any) error {
	kind, _ := claims["typ"].(string) // as Keycloak says it
	switch {
	case t.Subject == "":
		return errors.New("it lacks sub")
	case t.Nonce != "" || t.AccessTokenHash != "" || strings.EqualFold(kind, "ID"):
		return errors.New("it is an id token; send the access token")
	case claims["events"] != nil || kind != "" && !strings.EqualFold(kind, "Bearer"):
		return errors.New("it is no access token")
	}
	return nil
}

// keySet gives go-oidc our keys, which are fetched in the background.
type keySet struct {
	keys      *keyCache
	algorithm jose.SignatureAlgorithm
}

// VerifySignature implements oidc.KeySet.
func (k keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{k.algorithm})
	if err != nil {
		return nil, err
	}
	key, err := k.keys.find(ctx, signed.Signatures[0].Header.KeyID)
	if err != nil {
		return nil, err
	}
	return signed.Verify(key)
}

// discoverJWKS fetches a provider's keys from where its discovery says they are,
// and looks there anew each time: the address may change.
func discoverJWKS(issuer string) func(context.Context) (*jose.JSONWebKeySet, error) {
	client := &http.Client{Timeout: fetchTimeout}
	return func(ctx context.Context) (*jose.JSONWebKeySet, error) {
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
		if err != nil {
			return nil, err
		}
		var at struct {
			JWKS string `json:"jwks_uri"`
		}
		if err := provider.Claims(&at); err != nil {
			return nil, err
		}
		set := new(jose.JSONWebKeySet)
		return set, getJSON(ctx, client, at.JWKS, set)
	}
}
