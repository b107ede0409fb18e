package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"movies/internal/auth/demoprovider"
)

// The people of the demo, by their names at the provider.
const (
	demoUser   = "demo-user"
	demoEditor = "demo-editor"
)

// tokenLife is how long the tokens of the env file are valid.
const tokenLife = 24 * time.Hour

// envFile tells scripts where everything is. It is there while it is true.
func envFile(dir string) string { return filepath.Join(dir, "env") }

// writeEnv writes the env file in one step.
func (d *demo) writeEnv() error {
	issuer, err := d.provider().new(demoprovider.Options{})
	if err != nil {
		return err
	}
	user, err := issuer.Token(demoUser, tokenLife)
	if err != nil {
		return err
	}
	editor, err := issuer.Token(demoEditor, tokenLife)
	if err != nil {
		return err
	}
	lines := append([]string{"API_URL=" + d.plan.publicURL}, d.Env()...)
	lines = append(lines,
		"PUBLIC_URL="+d.plan.publicURL,
		"AUTH_URL=http://"+d.plan.auth,
		"OIDC_ISSUER="+d.provider().Issuer,
		"OIDC_CLIENT_ID="+d.provider().ClientID,
		"OIDC_CLIENT_SECRET="+string(d.provider().ClientSecret),
		"DEMO_USER="+demoUser,
		"DEMO_USER_TOKEN="+user,
		"DEMO_EDITOR="+demoEditor,
		"DEMO_EDITOR_TOKEN="+editor,
	)
	file := envFile(d.Dir)
	if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// printSummary says where everything is and what to try.
func (d *demo) printSummary() {
	fmt.Printf(`
Ready after %.0f s: %s

  curl '%[2]s/v1/movies?q=spirited+away'
  curl '%[2]s/v1/movies?genre=western&year=1950..1969&sort=rating&limit=3'
  curl '%[2]s/v1/movies?q=kurosawa&facets=genre'
  curl '%[2]s/v1/movies/tt0245429'
  curl '%[2]s/v1/suggest?q=kuro'

Addresses of the servers and tokens to paste: %[3]s
Logs: %[4]s
Ctrl-C stops everything; what is loaded stays for the next start.
`, time.Since(d.started).Seconds(), d.plan.publicURL, envFile(d.Dir), filepath.Join(d.Dir, "log"))
}
