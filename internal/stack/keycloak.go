package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// Keycloak is an OpenID provider as production has one, for tests of signing in.
type Keycloak struct {
	// URL is the server's origin; a realm's issuer is URL/realms/NAME.
	URL string
	// admin and password are those of its administrator.
	admin, password string
}

// StartKeycloak starts one beside the other servers, with the realm of that name
// and export file (JSON).
func (s *Stack) StartKeycloak(ctx context.Context, realm string, export []byte) (*Keycloak, error) {
	programs, err := s.store.Fetch(ctx, artifact.Keycloak)
	if err != nil {
		return nil, err
	}
	// It builds itself anew for its settings, so it gets its own copy.
	home := filepath.Join(s.data, "keycloak")
	if err := os.RemoveAll(home); err != nil {
		return nil, err
	}
	if err := s.run(ctx, "", "cp", "-r", programs, home); err != nil {
		return nil, err
	}
	imports := filepath.Join(home, "data", "import")
	for _, dir := range []string{filepath.Dir(imports), imports} {
		if err := s.account.mkdir(dir); err != nil {
			return nil, err
		}
	}
	if err := s.account.writeFile(filepath.Join(imports, realm+".json"), string(export)); err != nil {
		return nil, err
	}
	k := &Keycloak{admin: "admin", password: rand.Text()}
	_, err = s.serve(ctx, []string{"keycloak"}, func(ports []int) (supervisor.Process, error) {
		k.URL = "http://" + loopback(ports[0])
		return s.keycloakProcess(home, ports[0], k, realm), nil
	})
	return k, err
}

func (s *Stack) keycloakProcess(home string, port int, k *Keycloak, realm string) supervisor.Process {
	return supervisor.Process{
		Name: "keycloak",
		Path: "/bin/sh", // the launcher wants a standard input
		Args: []string{"-c", `exec "$0" "$@" </dev/null`, filepath.Join(home, "bin", "kc.sh"), "start-dev", "--import-realm", "--http-host=127.0.0.1", "--http-port=" + strconv.Itoa(port), "--cache=local", "--log-level=warn"},
		Env: append(s.environment(), "JAVA_HOME="+s.jdk.home, "JAVA_OPTS_KC_HEAP=-Xms64m -Xmx400m", "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1",
			"KC_BOOTSTRAP_ADMIN_USERNAME="+k.admin, "KC_BOOTSTRAP_ADMIN_PASSWORD="+k.password),
		Dir:          home,
		Credential:   s.account.credential,
		Ready:        func(ctx context.Context) error { return k.send(ctx, http.MethodGet, "/realms/"+realm, "", "", nil) },
		ReadyTimeout: 5 * time.Minute,
		StopTimeout:  20 * time.Second,
	}
}

// Administer sends a request of the administrator's, such as PUT
// /admin/realms/NAME/users/ID, with a JSON body, and decodes the answer unless it
// is nil.
func (k *Keycloak) Administer(ctx context.Context, method, path, body string, answer any) error {
	var token struct {
		Access string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {k.admin}, "password": {k.password}}
	response, err := k.do(ctx, http.MethodPost, "/realms/master/protocol/openid-connect/token", "application/x-www-form-urlencoded", "", form.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		return err
	}
	return k.send(ctx, method, path, token.Access, body, answer)
}

func (k *Keycloak) send(ctx context.Context, method, path, token, body string, answer any) error {
	response, err := k.do(ctx, method, path, "application/json", token, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

func (k *Keycloak) do(ctx context.Context, method, path, kind, token, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, k.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", kind)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(request)
}
