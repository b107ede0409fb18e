//go:build keycloak

package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	stackpom "movies/deploy/stack"
	"movies/internal/stack"
)

// TestKeycloak goes through what people, scripts and administrators do, at the
// provider that production has. The realm is that of deploy/compose.
func TestKeycloak(t *testing.T) {
	var k *stack.Keycloak
	w := newWorldOf(t, false, func(t testing.TB, w *world) { k = startKeycloak(t, w) })
	t.Run("sign in and out", func(t *testing.T) { signInAndOut(t, w) })
	t.Run("a script's token", func(t *testing.T) {
		b := w.newBrowser(t)
		if list := b.sessions("Authorization", "Bearer "+serviceToken(t, w)); len(list.Items) != 0 {
			t.Errorf("sessions of a script: %+v", list)
		}
	})
	t.Run("signed out by the administrator", func(t *testing.T) {
		b := w.newBrowser(t)
		b.signIn("/", "demo-editor", "editor")
		administer(t, k, http.MethodPost, "/users/"+userID(t, k, "demo-editor")+"/logout", `{}`)
		await(t, "the session ends", func() bool { _, status := b.me(); return status == http.StatusUnauthorized })
	})
	t.Run("roles follow", func(t *testing.T) {
		b := w.newBrowser(t)
		b.signIn("/", "demo-editor", "editor")
		user := userID(t, k, "demo-editor")
		var editor json.RawMessage
		if err := k.Administer(t.Context(), http.MethodGet, "/admin/realms/movies/roles/editor", "", &editor); err != nil {
			t.Fatal(err)
		}
		administer(t, k, http.MethodDelete, "/users/"+user+"/role-mappings/realm", "["+string(editor)+"]")
		w.clock.advance(4 * time.Minute)
		if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusOK {
			t.Fatalf("refresh: %s", r.Status)
		}
		if who, _ := b.me(); slices.Contains(who.Roles, "editor") || who.Subject != "demo-editor" {
			t.Errorf("after the role was taken away: %+v", who)
		}
	})
	t.Run("disabled", func(t *testing.T) {
		b := w.newBrowser(t)
		b.signIn("/", "demo-user", "user")
		if who, status := b.me(); status != http.StatusOK || who.Subject != "demo-user" {
			t.Fatalf("signed in: %d %+v", status, who)
		}
		administer(t, k, http.MethodPut, "/users/"+userID(t, k, "demo-user"), `{"enabled":false}`)
		w.clock.advance(4 * time.Minute)
		if r := b.do(http.MethodPost, "/auth/refresh"); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("refresh: %s", r.Status)
		}
	})
}

// startKeycloak starts the server with the realm of deploy/compose, at this test's
// addresses and with the people of the demo.
func startKeycloak(t testing.TB, w *world) *stack.Keycloak {
	t.Helper()
	dir := filepath.Join("..", "..", ".local", "keycloak")
	s, err := stack.Open(stack.Options{Dir: dir, POM: stackpom.POM, Ephemeral: true, Report: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		if err := errors.Join(s.Stop(ctx), stack.Clean(dir, func(string) {})); err != nil {
			t.Error(err)
		}
	})
	k, err := s.StartKeycloak(t.Context(), "movies", realm(t, w.url))
	if err != nil {
		t.Fatal(err)
	}
	w.issuer, w.rolesClaim = k.URL+"/realms/movies", "realm_access.roles"
	return k
}

func realm(t testing.TB, at string) []byte {
	t.Helper()
	export, err := os.ReadFile(filepath.Join("..", "..", "deploy", "compose", "realm.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(strings.NewReplacer("http://localhost:8080", at, "http://auth:8081", at, `"compose"`, `"`+clientSecret+`"`).Replace(string(export))), &r); err != nil {
		t.Fatal(err)
	}
	users := []any{}
	for _, u := range []struct {
		id, first, password string
		roles               []string
	}{{"demo-user", "Uma", "user", []string{"user"}}, {"demo-editor", "Edda", "editor", []string{"user", "editor"}}} {
		last := strings.ToUpper(u.password[:1]) + u.password[1:]
		users = append(users, map[string]any{"id": u.id, "username": u.id, "enabled": true, "email": u.password + "@demo.test", "emailVerified": true,
			"firstName": u.first, "lastName": last, "realmRoles": u.roles,
			"credentials": []any{map[string]any{"type": "password", "value": u.password, "temporary": false}}})
	}
	r["users"] = users
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serviceToken is what a script gets for the client's own credentials.
func serviceToken(t *testing.T, w *world) string {
	t.Helper()
	response, err := http.PostForm(w.issuer+"/protocol/openid-connect/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {"movies"}, "client_secret": {clientSecret}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil || token.Access == "" {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return token.Access
}

func administer(t *testing.T, k *stack.Keycloak, method, path, body string) {
	t.Helper()
	if err := k.Administer(t.Context(), method, "/admin/realms/movies"+path, body, nil); err != nil {
		t.Fatal(err)
	}
}

func userID(t *testing.T, k *stack.Keycloak, name string) string {
	t.Helper()
	var users []struct{ ID string }
	if err := k.Administer(t.Context(), http.MethodGet, "/admin/realms/movies/users?exact=true&username="+name, "", &users); err != nil || len(users) != 1 {
		t.Fatalf("user %s: %v, %v", name, users, err)
	}
	return users[0].ID
}
