//go:build schemathesis

package api_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"movies/api"
	"movies/internal/auth/identity"
)

// nobody is signed in; their watchlist is never reached.
type nobody struct{ api.Watchlists }

func (nobody) Authenticate(*http.Request) (identity.Identity, error) {
	return identity.Identity{}, errors.New("no proof")
}

// TestSchemathesis lets the property-based tester of OpenAPI documents, named by
// SCHEMATHESIS, ask whatever openapi.yaml permits and much that it forbids. No
// answer may be a 5xx, and every answer must be as described. Nobody is signed in.
func TestSchemathesis(t *testing.T) {
	s := newService(t, wholeSample(t), func(o *api.Options) { o.Accounts = api.Accounts{Authenticator: nobody{}, Watchlists: nobody{}} })
	program := os.Getenv("SCHEMATHESIS")
	if program == "" {
		t.Fatal(`SCHEMATHESIS does not name the program: run "make fuzz-api"`)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", s.url+"/openapi.json", "--exclude-path-regex", "^/(auth|metrics|v1/me)",
		"--max-examples", "60", "--seed", "1", "--exclude-checks", "unsupported_method,positive_data_acceptance",
		"--suppress-health-check", "all", "--no-color")
	cmd.Dir = t.TempDir() // it keeps what it found in the current folder
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%v; what the service logged:\n%s", err, s.logs)
	}
}
