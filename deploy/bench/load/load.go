// Package load asks a server at a fixed rate, whatever the server does, and
// measures what a visitor would have felt.
//
// Its promise is the open loop: the moment at which each request is due is fixed
// beforehand (Poisson arrivals by seed), and its time to answer counts from that
// moment. A server that stalls is charged for everybody who came meanwhile, also
// for those whose connection was not free yet; a closed loop would have sent
// nothing and measured nothing (coordinated omission). How late the generator
// itself was while it had a free connection is reported beside it.
//
// Memory is bounded: no queue of requests, histograms of fixed size. The client
// is fasthttp, because generator and server share the machine and net/http's
// client costs several times as much processor.
package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Request is one thing to ask.
type Request struct {
	// Path with query, such as "/v1/movies?q=alien".
	Path string
	// Class the request is counted under; it should be one of few.
	Class string
}

// Options say what is asked and how fast. All but Seed and Header are required.
type Options struct {
	// Address is host:port of the server, spoken to in HTTP/1.1.
	Address string
	// Rate is how many requests a second come on average. 0 is a closed loop: each
	// connection asks again as soon as it is answered, which measures capacity and
	// says nothing about the time to answer under a load.
	Rate float64
	// Insist asks again, a moment later, what was shed, until it is answered. In a
	// closed loop all kinds of requests then have their share of the answers,
	// whatever the server prefers.
	Insist bool
	// Duration is how long requests come; those under way then are waited for.
	Duration time.Duration
	// Connections is the most requests under way at once.
	Connections int
	// Timeout is when a request counts as failed, measured from its sending.
	Timeout time.Duration
	// Next is the next request. It is called by one goroutine at a time.
	Next func() Request
	// Seed fixes the arrivals.
	Seed uint64
	// Header is sent with every request, "name", "value", ….
	Header []string
}

func (o Options) check() error {
	switch {
	case o.Address == "" || o.Next == nil:
		return errors.New("load: an address and requests are required")
	case o.Rate < 0 || math.IsNaN(o.Rate) || o.Rate > 1e6:
		return fmt.Errorf("load: the rate must be from 0 to 1,000,000 requests a second, not %g", o.Rate)
	case o.Duration <= 0 || o.Timeout <= 0 || o.Connections < 1:
		return errors.New("load: duration, timeout and connections must be positive")
	case len(o.Header)%2 != 0:
		return errors.New("load: header names and values come in pairs")
	}
	return nil
}

// Run asks for the duration and returns what came of it; with a canceled context
// it stops early and returns what there is. The error is about the options only:
// a server that does not answer is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r := &run{Options: o, report: newReport(), arrivals: rand.New(rand.NewPCG(o.Seed, 0))}
	r.client = &fasthttp.HostClient{
		Addr: o.Address, MaxConns: o.Connections, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		MaxIdleConnDuration: time.Minute, MaxResponseBodySize: 64 << 20,
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
		// A request is sent once: what a server does to it is what is measured.
		MaxIdemponentCallAttempts: 1,
	}
	defer r.client.CloseIdleConnections()
	r.begin = time.Now()
	r.due = r.begin
	var workers sync.WaitGroup
	for range o.Connections {
		workers.Go(func() { r.work(ctx) })
	}
	workers.Wait()
	r.report.Elapsed = time.Since(r.begin)
	return r.report, nil
}

// run is one Run. A connection takes the next arrival, waits until it is due, and
// asks.
type run struct {
	Options
	client *fasthttp.HostClient
	begin  time.Time
	report *Report

	mu       sync.Mutex // of what follows
	arrivals *rand.Rand
	due      time.Time
}

func (r *run) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	for {
		next, due := r.take()
		if due.Sub(r.begin) >= r.Duration {
			return
		}
		free := time.Now()
		if wait := due.Sub(free); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			r.report.late(time.Since(due))
		} else if ctx.Err() != nil {
			return
		}
		r.ask(next, due, request, response)
	}
}

// take is the next request and when it is due.
func (r *run) take() (Request, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Rate == 0 {
		return r.Next(), time.Now()
	}
	r.due = r.due.Add(time.Duration(r.arrivals.ExpFloat64() / r.Rate * float64(time.Second)))
	if r.due.Sub(r.begin) >= r.Duration {
		return Request{}, r.due
	}
	return r.Next(), r.due
}

// pause before a request that was shed is asked again.
const pause = 20 * time.Millisecond

func (r *run) ask(next Request, due time.Time, request *fasthttp.Request, response *fasthttp.Response) {
	for {
		err := r.send(next, request, response)
		o := outcomeOf(response, err)
		if o.shed && r.Insist && time.Since(r.begin) < r.Duration {
			<-time.After(pause)
			continue
		}
		r.report.count(next.Class, time.Since(due), o, len(response.Body()))
		return
	}
}

func (r *run) send(next Request, request *fasthttp.Request, response *fasthttp.Response) error {
	request.Reset()
	request.SetRequestURI(next.Path)
	request.Header.SetHost(r.Address)
	for i := 0; i < len(r.Header); i += 2 {
		request.Header.Set(r.Header[i], r.Header[i+1])
	}
	response.Reset()
	return r.client.DoTimeout(request, response, r.Timeout)
}

func outcomeOf(response *fasthttp.Response, err error) outcome {
	if err != nil {
		return outcome{failure: err.Error()}
	}
	status := response.StatusCode()
	switch {
	case status == fasthttp.StatusServiceUnavailable && len(response.Header.Peek("Retry-After")) > 0:
		return outcome{shed: true}
	case status == fasthttp.StatusTooManyRequests:
		return outcome{limited: true}
	case status < 200 || status >= 400:
		return outcome{failure: fmt.Sprintf("status %d", status)}
	}
	return outcome{}
}
