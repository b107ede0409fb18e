package identity_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"movies/internal/auth/identity"
)

func TestRolesIn(t *testing.T) {
	for _, c := range []struct {
		claims, name string
		want         []string
		found        bool
	}{
		{`{"roles":["editor","user","root"]}`, "roles", []string{"user", "editor"}, true},
		{`{"realm_access":{"roles":["editor"]}}`, "realm_access.roles", []string{"editor"}, true},
		{`{"https://a.test/roles":["editor"]}`, "https://a.test/roles", []string{"editor"}, true},
		{`{"roles":[]}`, "roles", nil, true},
		{`{"roles":"editor"}`, "roles", nil, true},
		{`{"roles":[["editor"],1,null]}`, "roles", nil, true},
		{`{"realm_access":"editor"}`, "realm_access.roles", nil, false},
		{`{}`, "roles", nil, false},
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(c.claims), &claims); err != nil {
			t.Fatal(err)
		}
		got, found := identity.RolesIn(claims, c.name)
		if !slices.Equal(got, c.want) || found != c.found {
			t.Errorf("%s, %s: got %v, %v; want %v, %v", c.claims, c.name, got, found, c.want, c.found)
		}
	}
}

func TestCookiesHaveTheHostPrefixOverTLSOnly(t *testing.T) {
	for raw, want := range map[string]identity.Cookies{
		"https://movies.test":   {Secure: true, Session: "__Host-session", Access: "__Host-access", Login: "__Host-login-"},
		"http://127.0.0.1:8080": {Session: "session", Access: "access", Login: "login-"},
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := identity.CookiesAt(u); got != want {
			t.Errorf("%s: got %+v, want %+v", raw, got, want)
		}
	}
}
