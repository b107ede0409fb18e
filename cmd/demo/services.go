package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/internal/postgres"
	"movies/internal/stack/supervisor"
)

// services is where the service's own processes serve.
type services struct {
	api       string // listens on; may be all interfaces
	publicURL string // the API as this machine reaches it
	auth      string
	oidc      string
	relay     string // private addresses: metrics and readiness
	indexer   string
}

// planServices decides on every address before anything starts.
func (d *demo) planServices(ctx context.Context) (p services, err error) {
	if p.api, err = d.publicAddr(ctx); err != nil {
		return p, err
	}
	host, port, err := net.SplitHostPort(p.api)
	if err != nil {
		return p, err
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	p.publicURL = "http://" + net.JoinHostPort(host, port)
	for name, address := range map[string]*string{"auth": &p.auth, "oidc": &p.oidc, "relay": &p.relay, "indexer": &p.indexer} {
		port, err := d.Port(name)
		if err != nil {
			return p, err
		}
		*address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return p, nil
}

// provider is the demo's OpenID provider.
func (d *demo) provider() provider {
	return provider{
		Issuer:       "http://" + d.plan.oidc,
		ClientID:     "movies",
		ClientSecret: config.Secret("demo"),
		PublicURL:    d.plan.publicURL,
		KeyFile:      d.DataFile("oidc.key"),
	}
}

// environment configures every process of the service.
func (d *demo) environment(more ...string) []string {
	p := d.provider()
	env := append(d.Env(),
		"PATH="+os.Getenv("PATH"),
		"HOME="+os.Getenv("HOME"),
		"OIDC_ISSUER="+p.Issuer,
		"OIDC_CLIENT_ID="+p.ClientID,
		"OIDC_CLIENT_SECRET="+string(p.ClientSecret),
		"OIDC_SCOPES=profile,email,offline_access", // the demo's provider gives refresh tokens for the last one
		"PUBLIC_URL="+d.plan.publicURL,
		"AUTH_URL=http://"+d.plan.auth,
	)
	for _, name := range []string{"LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// startServices starts the service's processes, makes the index they share and
// returns when all are ready.
func (d *demo) startServices(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	oidc := supervisor.Process{
		Name: "oidc", Path: self, Args: []string{"oidc"},
		Env:   d.environment("HTTP_ADDR="+d.plan.oidc, "OIDC_KEY_FILE="+d.provider().KeyFile),
		Ready: answers("http://" + d.plan.oidc + "/.well-known/openid-configuration"),
	}
	if err := d.startService(ctx, oidc); err != nil { // auth asks it as it starts
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.startRelay(groupCtx) })
	group.Go(func() error {
		return d.startService(groupCtx, d.binary("indexer", d.plan.indexer, "METRICS_ADDR="+d.plan.indexer))
	})
	group.Go(func() error { return d.startService(groupCtx, d.binary("auth", d.plan.auth, "HTTP_ADDR="+d.plan.auth)) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := d.makeIndex(ctx); err != nil { // which the API needs to be ready
		return err
	}
	return d.startAPI(ctx)
}

func (d *demo) startAPI(ctx context.Context) error {
	env := []string{"HTTP_ADDR=" + d.plan.api}
	if d.RateLimit != "" {
		env = append(env, "RATE_LIMIT="+d.RateLimit)
	}
	return d.startService(ctx, d.binary("api", strings.TrimPrefix(d.plan.publicURL, "http://"), env...))
}

// startRelay starts the relay and waits for its replication slot, which the
// first index needs as its beginning.
func (d *demo) startRelay(ctx context.Context) error {
	capture, err := postgres.NewCapture(d.DatabaseURL, postgres.DefaultSlot, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer capture.Close()
	if err := d.startService(ctx, d.binary("relay", d.plan.relay, "METRICS_ADDR="+d.plan.relay)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := capture.VisibleLSN(ctx)
		if !errors.Is(err, movie.ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the relay's slot: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// binary is the command of that name; it serves /readyz at the address.
func (d *demo) binary(name, address string, env ...string) supervisor.Process {
	return supervisor.Process{
		Name: name, Path: filepath.Join(d.bin, name),
		Env:   d.environment(env...),
		Ready: answers("http://" + address + "/readyz"),
	}
}

func (d *demo) startService(ctx context.Context, p supervisor.Process) error {
	p.StopTimeout = 15 * time.Second
	if err := d.Start(ctx, p); err != nil {
		return err
	}
	d.report(p.Name + ": ready")
	return nil
}

// answers is a check that the URL answers with 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}
