package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// OIDC names the OpenID provider whose people this service knows, and the origin
// at which they reach the service. The secret belongs to cmd/auth alone.
type OIDC struct {
	Issuer     string `name:"oidc-issuer" env:"OIDC_ISSUER" placeholder:"URL" help:"URL of the OpenID provider. [$OIDC_ISSUER]"`
	ClientID   string `name:"oidc-client-id" env:"OIDC_CLIENT_ID" placeholder:"ID" help:"This service's client id at the provider. [$OIDC_CLIENT_ID]"`
	Audience   string `name:"oidc-audience" env:"OIDC_AUDIENCE" placeholder:"NAME" help:"What a bearer token of the provider must name as its audience; the client id by default. [$OIDC_AUDIENCE]"`
	RolesClaim string `name:"roles-claim" env:"ROLES_CLAIM" default:"roles" placeholder:"CLAIM" help:"Claim that lists roles, such as roles or realm_access.roles. [$ROLES_CLAIM]"`
	Algorithm  string `name:"oidc-algorithm" env:"OIDC_ALGORITHM" enum:"RS256,RS384,RS512,ES256,ES384,ES512,PS256,PS384,PS512,EdDSA" default:"RS256" help:"The one algorithm by which the provider signs. [$OIDC_ALGORITHM]"`
	PublicURL  string `name:"public-url" env:"PUBLIC_URL" placeholder:"URL" help:"Origin at which browsers reach the service, such as https://movies.example.com. [$PUBLIC_URL]"`
}

// Validate implements kong's validation.
func (c OIDC) Validate() error {
	if c.Issuer != "" {
		if err := httpURL("OIDC_ISSUER", "--oidc-issuer", c.Issuer); err != nil {
			return err
		}
		if c.ClientID == "" {
			return errors.New("OIDC_CLIENT_ID (--oidc-client-id) is required with OIDC_ISSUER")
		}
	}
	if c.PublicURL == "" {
		return nil
	}
	_, err := c.Origin()
	return err
}

// BearerAudience is what a bearer token must name as its audience.
func (c OIDC) BearerAudience() string {
	if c.Audience != "" {
		return c.Audience
	}
	return c.ClientID
}

// Origin is PUBLIC_URL, parsed. Plain http is for loopback: elsewhere cookies
// would travel in the open.
func (c OIDC) Origin() (*url.URL, error) {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return nil, fmt.Errorf("PUBLIC_URL (--public-url): %q is not an origin such as https://movies.example.com", c.PublicURL)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("PUBLIC_URL (--public-url): %s must be https: plain http is for loopback addresses", c.PublicURL)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
