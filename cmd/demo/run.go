package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	stackpom "movies/deploy/stack"
	"movies/internal/stack"
)

// runCommand is the demo.
type runCommand struct {
	Dir        string `name:"dir" env:"DEMO_DIR" default:".local" placeholder:"DIR" help:"Folder of everything the demo keeps. [$$DEMO_DIR]"`
	HTTPAddr   string `name:"http-addr" env:"DEMO_HTTP_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of page and API; port 0 takes a free one. [$$DEMO_HTTP_ADDR]"`
	Catalog    string `name:"catalog" env:"DEMO_CATALOG" placeholder:"FILE" help:"JSONL to load instead of the sample catalogue; an empty file loads nothing. [$$DEMO_CATALOG]"`
	Movies     int64  `name:"movies" env:"DEMO_MOVIES" placeholder:"N" help:"Make up so many movies instead of loading the sample catalogue. [$$DEMO_MOVIES]"`
	RateLimit  string `name:"rate-limit" env:"RATE_LIMIT" placeholder:"N|off" help:"Requests a second that one address may make; off lifts the limit. [$$RATE_LIMIT]"`
	SearchHeap int    `name:"search-heap" env:"DEMO_SEARCH_HEAP" default:"1024" placeholder:"MIB" help:"Heap of OpenSearch in MiB. [$$DEMO_SEARCH_HEAP]"`
}

// Validate implements kong's validation.
func (c runCommand) Validate() error {
	if _, _, err := net.SplitHostPort(c.HTTPAddr); err != nil {
		return fmt.Errorf("DEMO_HTTP_ADDR (--http-addr): %q is not HOST:PORT, such as 127.0.0.1:8081", c.HTTPAddr)
	}
	if c.RateLimit != "" && c.RateLimit != "off" {
		if perSecond, err := strconv.ParseFloat(c.RateLimit, 64); err != nil || !(perSecond > 0 && perSecond <= 1e9) {
			return fmt.Errorf("RATE_LIMIT (--rate-limit) must be requests a second such as 50, or off, not %q", c.RateLimit)
		}
	}
	switch {
	case c.Movies < 0:
		return fmt.Errorf("DEMO_MOVIES (--movies) must be above 0, not %d", c.Movies)
	case c.Movies > 0 && c.Catalog != "":
		return errors.New("DEMO_MOVIES (--movies) and DEMO_CATALOG (--catalog) exclude each other")
	case c.Catalog == "":
		return nil
	}
	return readableFile(c.Catalog)
}

// readableFile checks that the catalogue can be imported. It asks for the kind
// first, for opening a pipe would wait.
func readableFile(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("DEMO_CATALOG (--catalog): %s is not a file: name one of JSON lines, plain or gzip", path)
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("DEMO_CATALOG (--catalog) cannot be read: %w", err)
	}
	return file.Close()
}

// demo is one run.
type demo struct {
	*stack.Stack
	runCommand
	bin     string   // folder of the service's binaries
	plan    services // where its processes serve
	started time.Time
}

// Run boots, loads and serves until the context ends.
func (c runCommand) Run(ctx context.Context) (err error) {
	d := &demo{runCommand: c, started: time.Now()}
	if d.Dir, err = filepath.Abs(c.Dir); err != nil {
		return err
	}
	d.bin = filepath.Join(d.Dir, "bin")
	d.Stack, err = stack.Open(stack.Options{
		Dir: d.Dir, POM: stackpom.POM, SearchHeap: c.SearchHeap, Report: d.report,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.up(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted while it came up
		}
		return err
	}
	d.printSummary()
	<-ctx.Done()
	return nil
}

// up brings everything to where it can be used.
func (d *demo) up(ctx context.Context) error {
	if err := os.RemoveAll(envFile(d.Dir)); err != nil {
		return err
	}
	var err error
	if d.plan, err = d.planServices(ctx); err != nil {
		return err
	}
	first, bootCtx := errgroup.WithContext(ctx)
	first.Go(func() error { return d.Boot(bootCtx) })
	first.Go(func() error { return d.build(bootCtx) })
	if err := first.Wait(); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.migrate, d.load, d.startServices, d.awaitSearchable} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.writeEnv()
}

// stop takes the env file back first, so that nobody reads what no longer holds.
func (d *demo) stop() error {
	d.report("stopping")
	return errors.Join(os.RemoveAll(envFile(d.Dir)), stop(d.Stack))
}

// report prints a line with the time since the start.
func (d *demo) report(line string) {
	fmt.Printf("%6.1f s  %s\n", time.Since(d.started).Seconds(), line)
}

// publicAddr is the address that page and API listen on, with a port.
func (d *demo) publicAddr(ctx context.Context) (string, error) {
	host, port, err := net.SplitHostPort(d.HTTPAddr)
	if err != nil {
		return "", err
	}
	if port == "0" {
		free, err := d.Port("api")
		return net.JoinHostPort(host, strconv.Itoa(free)), err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.HTTPAddr)
	if err != nil {
		return "", fmt.Errorf("DEMO_HTTP_ADDR (--http-addr): %w; choose another, for example 127.0.0.1:8081, and for a second demo another DEMO_DIR too", err)
	}
	return d.HTTPAddr, listener.Close()
}
