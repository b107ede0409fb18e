// Command scale measures the service at a size: it fills an empty catalogue with
// made-up movies, past Kafka, builds the first index, puts the fixed workload on the
// API, and prints what each part took, in time, disk, memory and processors. Stopped,
// it goes on when it is called again: every part does.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"movies/deploy/bench/load"
	"movies/deploy/bench/workload"
	"movies/internal/config"
)

const description = `Fills an empty catalogue, indexes it, asks it, and tells what that took.

Example: make bench-scale MOVIES=1000000`

type options struct {
	Movies     int64         `required:"" placeholder:"N" help:"How many movies."`
	Dir        string        `default:".local/scale" placeholder:"DIR" help:"Where the servers keep their data, a folder for each size; 5 kB a movie."`
	Demo       string        `default:"bin/demo" placeholder:"FILE" help:"The demo, which runs the service."`
	SearchHeap int           `default:"4096" placeholder:"MIB" help:"Heap of the search engine."`
	Questions  int           `default:"200000" help:"Distinct questions of the workload."`
	Rate       float64       `default:"868" help:"Requests a second of the workload."`
	Duration   time.Duration `default:"60s" help:"How long the workload lasts; as long before it warms up."`
	Results    string        `default:"artifacts/bench-scale.tsv" placeholder:"FILE" help:"Gets a line for each run."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("scale", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	if _, err := config.Parse("scale", description, &o, args, stdout, stderr); err != nil {
		return err
	}
	b := &bench{options: o, out: stdout}
	var err error
	if b.dir, err = filepath.Abs(filepath.Join(o.Dir, strconv.FormatInt(o.Movies, 10))); err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	if b.stages, err = loadStages(b.file()); err != nil {
		return err
	}
	return b.run(ctx, stderr)
}

type bench struct {
	options
	dir       string
	out       io.Writer
	stages    stages
	processes *processes
	current   string // stage
	began     time.Time
}

func (b *bench) file() string { return filepath.Join(b.dir, "stages.json") }

// enter ends the stage under way and begins the next.
func (b *bench) enter(next string) error {
	if b.current != "" {
		b.stages.add(b.current, time.Since(b.began), b.processes.take())
	}
	b.current, b.began = next, time.Now()
	return b.stages.save(b.file())
}

// run runs the demo until it serves, measures, and stops it.
func (b *bench) run(ctx context.Context, stderr io.Writer) (err error) {
	demo := exec.CommandContext(ctx, b.Demo, "run")
	demo.Env = append(os.Environ(), "DEMO_DIR="+b.dir, "DEMO_MOVIES="+strconv.FormatInt(b.Movies, 10), "DEMO_HTTP_ADDR=127.0.0.1:0",
		"DEMO_SEARCH_HEAP="+strconv.Itoa(b.SearchHeap), "RATE_LIMIT=off", "DEMO_CATALOG=")
	demo.Stderr = stderr
	demo.Cancel = func() error { return demo.Process.Signal(syscall.SIGTERM) }
	demo.WaitDelay = 2 * time.Minute
	said, err := demo.StdoutPipe()
	if err != nil {
		return err
	}
	if err := demo.Start(); err != nil {
		return fmt.Errorf("start the demo (make build): %w", err)
	}
	b.processes = watch(demo.Process.Pid, b.dir)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(said); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	if err = b.enter("start"); err == nil {
		err = b.follow(ctx, lines)
	}
	err = errors.Join(err, b.enter(""))
	_ = demo.Process.Signal(syscall.SIGTERM)
	for line := range lines { // until it has ended
		fmt.Fprintln(b.out, line)
	}
	if ended := demo.Wait(); err == nil && ctx.Err() == nil {
		err = ended
	}
	return err
}

// marks are what the demo says when a stage begins.
var marks = []struct{ says, stage string }{
	{"catalog: loading ", "load"},
	{"relay: ready", "start"},
	{"index: making the first one", "index"},
	{"api: ready", "start"},
	{" movies are searchable", "measure"},
}

// follow tells the stages apart and measures in the last one.
func (b *bench) follow(ctx context.Context, lines <-chan string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			b.processes.look()
		case line, more := <-lines:
			if !more {
				return errors.New("the demo ended before it served")
			}
			fmt.Fprintln(b.out, line)
			for _, mark := range marks {
				if strings.Contains(line, mark.says) && !strings.Contains(line, " of ") && b.current != mark.stage {
					if err := b.enter(mark.stage); err != nil {
						return err
					}
				}
			}
			if b.current == "measure" && strings.Contains(line, "movies are searchable") {
				return b.measure(ctx, tick.C)
			}
		}
	}
}

// measure asks the workload, twice: what the first asked is not counted.
func (b *bench) measure(ctx context.Context, tick <-chan time.Time) error {
	env, err := b.environment(ctx)
	if err != nil {
		return err
	}
	w, err := workload.New(workload.Options{Movies: b.Movies, Seed: 1, Questions: b.Questions, Unique: 0.1})
	if err != nil {
		return err
	}
	var report *load.Report
	for n := range uint64(2) {
		if report, err = b.ask(ctx, tick, w, n, strings.TrimPrefix(env["API_URL"], "http://")); err != nil {
			return err
		}
	}
	fmt.Fprint(b.out, report)
	if err := b.enter("done"); err != nil {
		return err
	}
	return b.tell(ctx, report, env)
}

func (b *bench) ask(ctx context.Context, tick <-chan time.Time, w *workload.Workload, n uint64, address string) (*load.Report, error) {
	stream := w.Stream(n)
	done := make(chan error, 1)
	var report *load.Report
	go func() {
		var err error
		report, err = load.Run(ctx, load.Options{Address: address, Rate: b.Rate, Duration: b.Duration, Connections: 256, Timeout: 10 * time.Second,
			Next: stream.Next, Seed: n, Header: []string{"Accept-Encoding", "gzip"}})
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return report, err
		case <-tick:
			b.processes.look()
		}
	}
}

// environment waits for the demo's file of addresses, which it writes last.
func (b *bench) environment(ctx context.Context) (map[string]string, error) {
	for {
		content, err := os.ReadFile(filepath.Join(b.dir, "env"))
		if err == nil {
			env := map[string]string{}
			for line := range strings.Lines(string(content)) {
				if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
					env[key] = value
				}
			}
			return env, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
