package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"movies/internal/auth/demoprovider"
	"movies/internal/config"
	"movies/internal/telemetry"
)

// oidcCommand serves the demo's OpenID provider as a process of its own.
type oidcCommand struct {
	config.HTTP `embed:""`
	provider    `embed:""`
	LogLevel    string `name:"log-level" env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least severe level to log: debug, info, warn or error. [$$LOG_LEVEL]"`
}

// provider is what the process that serves the provider and the one that mints
// its tokens must agree on.
type provider struct {
	Issuer       string        `name:"oidc-issuer" env:"OIDC_ISSUER" required:"" placeholder:"URL" help:"The provider's own URL. [$$OIDC_ISSUER]"`
	ClientID     string        `name:"oidc-client-id" env:"OIDC_CLIENT_ID" required:"" placeholder:"ID" help:"Id of its one client. [$$OIDC_CLIENT_ID]"`
	ClientSecret config.Secret `name:"oidc-client-secret" env:"OIDC_CLIENT_SECRET" required:"" help:"Secret of its one client. [$$OIDC_CLIENT_SECRET]"`
	PublicURL    string        `name:"public-url" env:"PUBLIC_URL" required:"" placeholder:"URL" help:"URL of the service, to which people return. [$$PUBLIC_URL]"`
	KeyFile      string        `name:"oidc-key-file" env:"OIDC_KEY_FILE" required:"" placeholder:"FILE" help:"Where the signing key is kept; made when missing. [$$OIDC_KEY_FILE]"`
}

func (p provider) new(o demoprovider.Options) (*demoprovider.Provider, error) {
	o.Issuer, o.ClientID, o.ClientSecret = p.Issuer, p.ClientID, string(p.ClientSecret)
	o.RedirectURIs = []string{p.PublicURL + "/auth/callback"}
	o.PostLogoutURIs = []string{p.PublicURL + "/"}
	o.BackChannelLogoutURI = p.PublicURL + "/auth/backchannel-logout"
	o.KeyFile = p.KeyFile
	return demoprovider.New(o)
}

// shutdownGrace is how long requests under way may finish.
const shutdownGrace = 5 * time.Second

// Run serves until the context ends.
func (c oidcCommand) Run(ctx context.Context) error {
	log, err := telemetry.NewLogger(os.Stderr, "oidc", c.LogLevel)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	handler, err := c.new(demoprovider.Options{Log: log})
	if err != nil {
		return err
	}
	server := &http.Server{Addr: c.Addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	select {
	case err := <-served:
		return fmt.Errorf("HTTP_ADDR (--http-addr): %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if server.Shutdown(ending) != nil {
		return server.Close()
	}
	return nil
}
