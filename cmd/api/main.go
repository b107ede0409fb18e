// Command api serves search, lookups and the search page over HTTP. It is
// stateless: run as many replicas behind a load balancer as the load needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"movies/api"
	"movies/internal/config"
	"movies/internal/telemetry"
	"movies/search/guard"
	"movies/search/opensearch"
)

const description = `Serves the movie search API and page.

Example:

  SEARCH_URL=http://127.0.0.1:9200 api --http-addr 127.0.0.1:8080`

// options is everything that can be set.
type options struct {
	config.HTTP    `embed:""`
	config.Search  `embed:""`
	config.Observe `embed:""`
	accountOptions `embed:""`
	cacheOptions   `embed:""`

	RateLimit      string        `name:"rate-limit" env:"RATE_LIMIT" default:"50" help:"Requests a second one client may make, who is signed in or else one address, in bursts of four times that; off lifts the limit. [$RATE_LIMIT]"`
	MaxConcurrent  uint          `name:"max-concurrent" env:"MAX_CONCURRENT" default:"256" help:"Most questions under way at once at the search cluster; how many of these it can take is found by its time to answer, more are refused with 503. [$MAX_CONCURRENT]"`
	TrustedProxies []string      `name:"trusted-proxies" env:"TRUSTED_PROXIES" placeholder:"CIDR,…" help:"Networks of proxies that may name the client in X-Forwarded-For. [$TRUSTED_PROXIES]"`
	DrainDelay     time.Duration `name:"drain-delay" env:"DRAIN_DELAY" default:"0s" help:"After a stop signal, how long to go on answering while /readyz says that it stops: longer than a load balancer needs to notice. [$DRAIN_DELAY]"`
	ShutdownGrace  time.Duration `name:"shutdown-grace" env:"SHUTDOWN_GRACE" default:"10s" help:"How long requests under way may finish after a stop signal. [$SHUTDOWN_GRACE]"`
}

// limits validates and converts what protects the service.
func (o options) limits() (api.Limits, error) {
	var l api.Limits
	if o.MaxConcurrent == 0 {
		return l, errors.New("MAX_CONCURRENT (--max-concurrent) must be at least 1")
	}
	if o.RateLimit != "off" {
		perSecond, err := strconv.ParseFloat(o.RateLimit, 64)
		if err != nil || !(perSecond > 0 && perSecond <= 1e9) {
			return l, fmt.Errorf("RATE_LIMIT (--rate-limit) must be requests a second such as 50, or off, not %q", o.RateLimit)
		}
		l.PerClient, l.Burst = perSecond, max(1, int(4*perSecond))
	}
	for _, s := range o.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return l, fmt.Errorf("TRUSTED_PROXIES (--trusted-proxies): %q is not a network such as 10.0.0.0/8", s)
		}
		l.TrustedProxies = append(l.TrustedProxies, p)
	}
	return l, nil
}

// secure tells whether browsers reach the service by https. Then it must be said
// who ends TLS: this process, or a proxy whose word is trusted.
func (o options) secure(l api.Limits) (bool, error) {
	if !strings.HasPrefix(o.PublicURL, "https:") {
		return false, nil
	}
	if o.CertFile == "" && len(l.TrustedProxies) == 0 {
		return false, errors.New("PUBLIC_URL (--public-url) is https, and nothing here ends TLS: set TLS_CERT_FILE and TLS_KEY_FILE, or in TRUSTED_PROXIES (--trusted-proxies) the network of the proxy that does")
	}
	return true, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("api", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	if _, err := config.Parse("api", description, &o, args, stdout, stderr); err != nil {
		return err
	}
	limits, err := o.limits()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	secure, err := o.secure(limits)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	log, err := telemetry.NewLogger(stderr, "api", o.LogLevel)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	stopTracing, err := telemetry.StartTracing(ctx, "api", o.OTLPEndpoint)
	if err != nil {
		return err
	}
	defer bounded(time.Second, stopTracing)

	engine, err := opensearch.New(o.Search)
	if err != nil {
		return err
	}
	defer engine.Close()
	auth, err := o.authProxy()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	accounts, err := o.accountOptions.new(log)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer accounts.close()
	metrics := telemetry.NewRegistry()
	ready := accounts.checks()
	searcher := opensearch.NewSearcher(engine, opensearch.ReadAlias, api.DefaultReadTimeout)
	ready["search"], ready["mapping"] = telemetry.AtStart(engine.Ping), searcher.Understood
	public := &server{delay: o.DrainDelay, grace: o.ShutdownGrace}
	ready["serving"] = public.ready
	guarded, err := guard.New(searcher, guard.Options{MaxConcurrent: o.MaxConcurrent, Metrics: metrics})
	if err != nil {
		return err
	}
	kept, err := o.cacheOptions.new(guarded, o.OptionalKafka, metrics, ready, log)
	if err != nil {
		return &config.UsageError{Err: err}
	}
	defer kept.close()
	handler, err := api.New(api.Options{
		Searcher: kept,
		Log:      log, Metrics: metrics, Ready: ready, Auth: auth, Accounts: accounts.Accounts, Limits: limits, HTTPSOnly: secure,
	})
	if err != nil {
		return err
	}
	// What requests need goes on until the last of them is answered.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	background, stopBackground := context.WithCancel(failed)
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	context.AfterFunc(failed, stopServing)
	group.Go(func() error { return telemetry.Serve(background, o.MetricsAddr, metrics, ready) })
	group.Go(func() error { accounts.run(background); return nil })
	group.Go(func() error { kept.run(background); return nil })
	group.Go(func() error { defer stopBackground(); return public.serve(serving, o.HTTP, handler) })
	log.Info("serving", "addr", o.HTTP.Addr)
	return group.Wait()
}

// authPatience is above what auth itself waits for its database and the provider.
const authPatience = 15 * time.Second

// authProxy passes /auth/* on, so that a browser sees one origin; nil without
// AUTH_URL. While auth is down it answers 503, and nothing else is affected.
func (o options) authProxy() (http.Handler, error) {
	target, err := o.authURL()
	if target == nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, ResponseHeaderTimeout: authPatience,
			MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute,
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) { api.SignInUnavailable(w, r) },
	}, nil
}
