// Command auth signs people in at an OpenID provider and keeps their sessions in a
// database of its own. Run as many as sign-ins need; they share the database.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/auth"
	"movies/internal/auth/access"
	"movies/internal/config"
	"movies/internal/kafka"
	"movies/internal/postgres/accounts"
	"movies/internal/telemetry"
)

const description = `Signs people in by OpenID Connect; serves /auth/*.

The schema of its database is brought up to date at the start. For example:

  AUTH_DATABASE_URL=postgres://auth@localhost/auth OIDC_ISSUER=https://id.example.com \
  OIDC_CLIENT_ID=movies OIDC_CLIENT_SECRET=… PUBLIC_URL=https://movies.example.com auth`

type settings struct {
	config.HTTP          `embed:""`
	config.Observe       `embed:""`
	config.OIDC          `embed:""`
	config.OptionalKafka `embed:""`

	DatabaseURL     config.Secret `name:"auth-database-url" env:"AUTH_DATABASE_URL" required:"" placeholder:"URL" help:"Postgres of sessions, as a libpq URL; not the catalogue's database. [$AUTH_DATABASE_URL]"`
	ClientSecret    config.Secret `name:"oidc-client-secret" env:"OIDC_CLIENT_SECRET" required:"" help:"This service's client secret at the provider. [$OIDC_CLIENT_SECRET]"`
	Scopes          []string      `name:"oidc-scopes" env:"OIDC_SCOPES" default:"profile,email" placeholder:"SCOPE,…" help:"Scopes to ask for beside openid; with offline_access where the provider gives refresh tokens for it only, by which it is asked whether people may still come in. [$OIDC_SCOPES]"`
	SessionIdle     time.Duration `name:"session-idle" env:"SESSION_IDLE" default:"30m" help:"A session not refreshed for so long ends. [$SESSION_IDLE]"`
	SessionAbsolute time.Duration `name:"session-absolute" env:"SESSION_ABSOLUTE" default:"12h" help:"A session ends after so long in any case. [$SESSION_ABSOLUTE]"`
}

// Validate implements kong's validation.
func (s settings) Validate() error {
	for name, value := range map[string]string{
		"OIDC_ISSUER (--oidc-issuer)": s.Issuer, "OIDC_CLIENT_ID (--oidc-client-id)": s.ClientID, "PUBLIC_URL (--public-url)": s.PublicURL,
		"OIDC_CLIENT_SECRET (--oidc-client-secret)": string(s.ClientSecret), "AUTH_DATABASE_URL (--auth-database-url)": string(s.DatabaseURL),
	} {
		if value == "" {
			return fmt.Errorf("%s is required", name)
		}
	}
	if s.SessionIdle < 5*time.Minute || s.SessionAbsolute < s.SessionIdle {
		return errors.New("SESSION_IDLE (--session-idle) must be at least 5m, and SESSION_ABSOLUTE (--session-absolute) not shorter than it")
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("auth", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	if _, err := config.Parse("auth", description, &s, args, stdout, stderr); err != nil {
		return err
	}
	log, err := telemetry.NewLogger(stderr, "auth", s.LogLevel)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	stopTracing, err := telemetry.StartTracing(ctx, "auth", s.OTLPEndpoint)
	if err != nil {
		return err
	}
	defer bounded(ctx, time.Second, stopTracing)
	store, err := accounts.New(string(s.DatabaseURL))
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer store.Close()
	return serve(ctx, &s, log, store)
}

// serve answers from the start on. The database may come later: until then
// /readyz says so and signing in answers 503.
func serve(ctx context.Context, s *settings, log *slog.Logger, store *accounts.Store) error {
	origin, err := s.Origin()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	registry := telemetry.NewRegistry()
	bearer := access.NewProvider(access.ProviderOptions{Issuer: s.Issuer, Audience: s.BearerAudience(), Algorithm: s.Algorithm, RolesClaim: s.RolesClaim, Log: log})
	announcer, err := s.announcer()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	service, err := auth.New(auth.Options{
		PublicURL: origin, Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: string(s.ClientSecret), Algorithm: s.Algorithm,
		RolesClaim: s.RolesClaim, Scopes: s.Scopes, Store: store, Bearer: bearer, Announcer: announcer, Log: log, Metrics: registry,
		Idle: s.SessionIdle, Absolute: s.SessionAbsolute,
	})
	if err != nil {
		return &config.UsageError{Err: err}
	}
	ready := map[string]telemetry.Check{"database": service.Ready()}
	mux := http.NewServeMux()
	mux.Handle("/", service)
	mux.Handle("GET /healthz", telemetry.Alive())
	mux.Handle("GET /readyz", telemetry.Ready(ready))

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { bearer.Run(ctx); return nil })
	group.Go(func() error {
		if migrate(ctx, store, log) {
			service.Run(ctx)
		}
		return nil
	})
	group.Go(func() error { return telemetry.Serve(ctx, s.MetricsAddr, registry, ready) })
	group.Go(func() error { return listen(ctx, s.HTTP, mux) })
	log.Info("serving", "addr", s.Addr)
	return group.Wait()
}

// announcer is Kafka; nil without brokers.
func (s *settings) announcer() (auth.Announcer, error) {
	if len(s.Brokers) == 0 {
		return nil, nil
	}
	return kafka.NewClient(config.Kafka(s.OptionalKafka), "auth")
}

// migrate tries until the schema is up to date; false means that the context
// ended first.
func migrate(ctx context.Context, store *accounts.Store, log *slog.Logger) bool {
	for failed := false; ; failed = true {
		err := store.Migrate(ctx)
		if err == nil {
			return true
		}
		if !failed && ctx.Err() == nil {
			log.WarnContext(ctx, "the auth database cannot be set up; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
}

// listen answers requests until the context ends, then lets those under way finish.
func listen(ctx context.Context, at config.HTTP, handler http.Handler) error {
	tlsConfig, err := at.TLS()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.Addr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR (--http-addr): %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
	drained := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(drained)
		bounded(ctx, 5*time.Second, server.Shutdown)
		_ = server.Close() // what was not done in time is cut
	})
	answer := server.Serve
	if tlsConfig != nil {
		server.TLSConfig = tlsConfig
		answer = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := answer(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-drained
	return nil
}

// bounded runs a stop function with a deadline of its own; what it could not
// finish by then is dropped.
func bounded(ctx context.Context, limit time.Duration, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	_ = stop(ctx)
}
