package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"movies/api"
	"movies/internal/auth/access"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres"
	"movies/internal/telemetry"
)

// accountOptions are the settings of what signed-in people do. All of it may be
// left out; and nothing of it, when it is down, touches reading.
type accountOptions struct {
	config.OIDC          `embed:""`
	config.OptionalKafka `embed:""`

	DatabaseURL    config.Secret `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"Postgres of the catalogue, for editors and personal lists, as a libpq URL; empty serves neither. [$DATABASE_URL]"`
	AuthURL        string        `name:"auth-url" env:"AUTH_URL" placeholder:"URL" help:"Where /auth/* is passed on to; empty serves the catalogue only. [$AUTH_URL]"`
	AllowedOrigins []string      `name:"allowed-origins" env:"ALLOWED_ORIGINS" placeholder:"ORIGIN,…" help:"Other sites whose scripts may use the API, such as https://app.example.com. [$ALLOWED_ORIGINS]"`
}

// accounts are the running parts behind api.Accounts.
type accounts struct {
	api.Accounts
	authenticator *access.Authenticator // nil without PUBLIC_URL
	catalog       *postgres.Catalog     // nil without DATABASE_URL
	authURL       *url.URL              // nil without AUTH_URL
	kafka         *kafka.Client         // nil without KAFKA_BROKERS
	log           *slog.Logger
}

// new builds the parts; it connects to nothing.
func (o accountOptions) new(log *slog.Logger) (*accounts, error) {
	a := &accounts{Accounts: api.Accounts{Origins: o.AllowedOrigins}, log: log}
	if o.DatabaseURL != "" {
		catalog, err := postgres.Connect(string(o.DatabaseURL))
		if err != nil {
			return nil, err
		}
		a.catalog, a.Editor, a.Watchlists, a.Ratings = catalog, catalog, catalog, catalog
	}
	var err error
	if a.authURL, err = o.authURL(); err != nil {
		return nil, err
	}
	if o.PublicURL == "" {
		if o.AuthURL != "" || o.Issuer != "" {
			return nil, fmt.Errorf("PUBLIC_URL (--public-url) is required with AUTH_URL and OIDC_ISSUER")
		}
		return a, nil
	}
	access, err := o.access(log)
	if err != nil {
		return nil, err
	}
	a.authenticator, a.Authenticator = access, access
	if len(o.Brokers) > 0 {
		a.kafka, err = kafka.NewClient(config.Kafka(o.OptionalKafka), "api")
	}
	return a, err
}

func (o accountOptions) access(log *slog.Logger) (*access.Authenticator, error) {
	origin, err := o.Origin()
	if err != nil {
		return nil, err
	}
	options := access.Options{PublicURL: origin, Log: log}
	if options.AuthURL, err = o.authURL(); err != nil {
		return nil, err
	}
	if o.Issuer != "" {
		options.Provider = access.NewProvider(access.ProviderOptions{
			Issuer: o.Issuer, Audience: o.BearerAudience(), Algorithm: o.Algorithm, RolesClaim: o.RolesClaim, Log: log})
	}
	return access.New(options), nil
}

// authURL is AUTH_URL, parsed; nil when it is empty.
func (o accountOptions) authURL() (*url.URL, error) {
	if o.AuthURL == "" {
		return nil, nil
	}
	u, err := url.Parse(o.AuthURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("AUTH_URL (--auth-url): %q is not a URL such as http://127.0.0.1:8081", o.AuthURL)
	}
	return u, nil
}

// checks are of what only writing and signing in need.
func (a *accounts) checks() map[string]telemetry.Check {
	checks := make(map[string]telemetry.Check)
	if a.catalog != nil {
		checks["postgres"] = telemetry.Optional(a.catalog.Ready)
	}
	if a.authURL != nil {
		checks["auth"] = telemetry.Optional(a.askAuth)
	}
	return checks
}

// askAuth asks whether auth is alive.
func (a *accounts) askAuth(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.authURL.JoinPath("healthz").String(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("answers %s", res.Status)
	}
	return nil
}

// run keeps what is verified with, and the figures of rated movies, up to date,
// until the context ends.
func (a *accounts) run(ctx context.Context) {
	var all sync.WaitGroup
	if a.authenticator != nil {
		all.Go(func() { a.authenticator.Run(ctx) })
	}
	if a.kafka != nil {
		all.Go(func() { a.followRevocations(ctx) })
	}
	if a.catalog != nil {
		all.Go(func() { a.foldRatings(ctx) })
	}
	all.Wait()
}

// followRevocations makes the tokens of ended sessions useless before they
// expire. While Kafka is down they just expire: nothing waits for it.
func (a *accounts) followRevocations(ctx context.Context) {
	for failing := false; ; failing = true {
		err := a.kafka.FollowRevocations(ctx, a.authenticator.Revoke)
		if err != nil && !failing && ctx.Err() == nil {
			a.log.WarnContext(ctx, "revoked sessions are not heard of, and last until their tokens expire; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// foldInterval is how often a movie that people are rating changes for search.
const foldInterval = time.Second

func (a *accounts) foldRatings(ctx context.Context) {
	tick := time.NewTicker(foldInterval)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := a.catalog.FoldRatings(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			a.log.WarnContext(ctx, "ratings wait: Postgres cannot be used; trying again", "error", err)
		}
		failing = err != nil
	}
}

func (a *accounts) close() {
	if a.kafka != nil {
		a.kafka.Close()
	}
	if a.catalog != nil {
		a.catalog.Close()
	}
}
