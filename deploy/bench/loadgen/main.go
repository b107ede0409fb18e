// Command loadgen puts the fixed workload on a running API whose catalogue was
// generated, at a fixed rate (see packages load and workload).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"movies/deploy/bench/load"
	"movies/deploy/bench/workload"
	"movies/internal/config"
)

const description = `Asks a running API the fixed workload, in an open loop, and prints how it answered.

Example, over a catalogue made by "catalog generate --movies 100000 --seed 1":

  go run ./deploy/bench/loadgen --address 127.0.0.1:8080 --movies 100000 --rate 868`

type options struct {
	Address     string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"The API."`
	Movies      int64         `required:"" placeholder:"N" help:"How many movies were generated."`
	Seed        uint64        `default:"1" placeholder:"S" help:"The seed they were generated with."`
	Questions   int           `default:"200000" help:"How many distinct questions are asked, with Zipf frequencies."`
	Unique      float64       `default:"0.1" help:"Share of requests that never repeat."`
	Rate        float64       `default:"868" help:"Requests a second; 0 asks as fast as the connections allow."`
	Duration    time.Duration `default:"30s" help:"How long."`
	Connections int           `default:"256" help:"Most requests under way at once."`
	Timeout     time.Duration `default:"10s" help:"When a request counts as failed."`
	Stream      uint64        `default:"0" help:"Which stream of the workload, 0 to 1000: others repeat the questions but not the unique requests."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(config.Exit("loadgen", err, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	if _, err := config.Parse("loadgen", description, &o, args, stdout, stderr); err != nil {
		return err
	}
	w, err := workload.New(workload.Options{Movies: o.Movies, Seed: o.Seed, Questions: o.Questions, Unique: o.Unique})
	if err != nil {
		return &config.UsageError{Err: err}
	}
	stream := w.Stream(o.Stream)
	report, err := load.Run(ctx, load.Options{
		Address: o.Address, Rate: o.Rate, Duration: o.Duration, Connections: o.Connections, Timeout: o.Timeout,
		Next: stream.Next, Seed: o.Stream, Header: []string{"Accept-Encoding", "gzip"},
	})
	if err != nil {
		return &config.UsageError{Err: err}
	}
	fmt.Fprint(stdout, report)
	return nil
}
