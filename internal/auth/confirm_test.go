package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// rotating is a provider whose refresh tokens are good once, and which does not get
// as far as saying who they are about.
type rotating struct {
	url   string
	token int
}

func (p *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.url, "authorization_endpoint": p.url + "/authorize",
			"token_endpoint": p.url + "/token", "jwks_uri": p.url + "/keys"})
	case r.URL.Path == "/keys":
		http.Error(w, "{}", http.StatusServiceUnavailable)
	case r.FormValue("refresh_token") != fmt.Sprint("token ", p.token):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	default:
		p.token++
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60,
			"refresh_token": fmt.Sprint("token ", p.token), "id_token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"})
	}
}

// memorySession is a store of one session.
type memorySession struct {
	Store
	session Session
}

func (m *memorySession) DescribeSession(_ context.Context, s Session) error {
	m.session = s
	return nil
}

func (m *memorySession) EndSessions(context.Context, Which, time.Time) (int, error) { return 1, nil }

// TestHalfAnAnswerSignsNobodyOut: not when the provider renews a token and fails
// then, and not the next time by the token that was spent for it.
func TestHalfAnAnswerSignsNobodyOut(t *testing.T) {
	p := &rotating{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	public, err := url.Parse("http://movies.test")
	if err != nil {
		t.Fatal(err)
	}
	store := &memorySession{}
	s, err := New(Options{PublicURL: public, Issuer: p.url, ClientID: "movies", ClientSecret: "secret", Algorithm: "RS256", RolesClaim: "roles",
		Store: store, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	store.session = Session{ID: "s1", Subject: "u1", Roles: []string{"user"}, ProviderRefresh: s.keys.seal.close([]byte("token 0"), "s1")}
	for i := range 3 {
		got, err := s.confirm(t.Context(), store.session)
		if err != nil || got.Subject != "u1" || len(got.Roles) != 1 || !got.Confirmed.IsZero() || p.token != i+1 {
			t.Fatalf("refresh %d: %v, %+v, %d tokens spent", i+1, err, got, p.token)
		}
	}
	p.token++ // withdrawn
	if _, err := s.confirm(t.Context(), store.session); err == nil {
		t.Error("a no of the provider was not heard")
	}
}
