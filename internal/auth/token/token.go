// Package token is the short-lived signed access token that the auth service
// gives to browsers and the api verifies by itself: a JWT (RFC 9068 style) with
// one algorithm, one issuer and one audience, all of them pinned.
//
// Its promise: a token is accepted only if this service's auth signed it, for
// this service's api, not longer ago than Life. What belongs here is the format
// and the keys' turns; where keys are kept and fetched from does not.
package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"movies/internal/auth/identity"
)

const (
	// Life is how long a token is valid: the bound within which a revoked session
	// loses its access everywhere.
	Life = 5 * time.Minute
	// Leeway is how far the clocks of two machines may be apart.
	Leeway = 10 * time.Second

	audience  = "movies-api"
	mediaType = "at+jwt"
)

// claims beside the registered ones.
type claims struct {
	Session string   `json:"sid"`
	Name    string   `json:"name,omitempty"`
	Roles   []string `json:"roles"`
}

// Mint signs a token for somebody, valid for Life from now but never beyond
// who.Expires. The issuer is the service's public URL.
func Mint(k Key, issuer string, who identity.Identity, now time.Time) (raw string, expires time.Time, err error) {
	expires = now.Add(Life)
	if who.Expires.Before(expires) {
		expires = who.Expires
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.ID}},
		(&jose.SignerOptions{}).WithType(mediaType))
	if err != nil {
		return "", expires, fmt.Errorf("sign with key %s: %w", k.ID, err)
	}
	raw, err = jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Audience: jwt.Audience{audience}, Subject: who.Subject,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
	}).Claims(claims{Session: who.Session, Name: who.Name, Roles: who.Roles}).Serialize()
	return raw, expires, err
}

// FindKey gives the public key of an id, or an error.
type FindKey func(id string) (*jose.JSONWebKey, error)

// Verify checks everything about a token and returns whom it stands for. An
// error from find comes back as it is; any other means that the token is no good.
func Verify(raw, issuer string, find FindKey, now time.Time) (identity.Identity, error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return identity.Identity{}, errors.New("is no token of this service")
	}
	header := parsed.Headers[0] // the compact form has exactly one
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != mediaType {
		return identity.Identity{}, fmt.Errorf("is of type %.20q, not %q", kind, mediaType)
	}
	key, err := find(header.KeyID)
	if err != nil {
		return identity.Identity{}, err
	}
	var registered jwt.Claims
	var own claims
	if err := parsed.Claims(key, &registered, &own); err != nil {
		return identity.Identity{}, errors.New("has a wrong signature")
	}
	if registered.Expiry == nil || registered.IssuedAt == nil || registered.Subject == "" || own.Session == "" {
		return identity.Identity{}, errors.New("lacks exp, iat, sub or sid")
	}
	expected := jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: now}
	if err := registered.ValidateWithLeeway(expected, Leeway); err != nil {
		return identity.Identity{}, fmt.Errorf("is not valid: %w", err)
	}
	return identity.Identity{Subject: registered.Subject, Name: own.Name, Roles: identity.Roles(own.Roles),
		Session: own.Session, Expires: registered.Expiry.Time()}, nil
}
