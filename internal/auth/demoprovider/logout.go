package demoprovider

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// LogoutToken is what the provider tells the client when somebody signs out
// (OpenID Connect Back-Channel Logout 1.0).
func (p *Provider) LogoutToken(subject string) (string, error) {
	return logoutToken(p.options, p.key, subject)
}

func logoutToken(o Options, key signingKey, subject string) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}},
		(&jose.SignerOptions{}).WithType("logout+jwt"))
	if err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: o.Issuer, Subject: subject, Audience: jwt.Audience{o.ClientID}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(2 * time.Minute)),
	}).Claims(map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}}}).Serialize()
}

// tellClient tells the client that the user signed out. A client that does not
// answer keeps nobody from signing out.
func (s *storage) tellClient(ctx context.Context, subject string) {
	if s.options.BackChannelLogoutURI == "" {
		return
	}
	if err := s.postLogoutToken(ctx, subject); err != nil && s.options.Log != nil {
		s.options.Log.WarnContext(ctx, "the client was not told of a sign-out", "error", err)
	}
}

func (s *storage) postLogoutToken(ctx context.Context, subject string) error {
	raw, err := logoutToken(s.options, s.key, subject)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	form := url.Values{"logout_token": {raw}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.options.BackChannelLogoutURI, strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}
