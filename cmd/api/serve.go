package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"movies/internal/config"
)

// server is the public side. Told to stop, it first says at /readyz that it is
// not ready, and closes each connection with the answer to its next request; it
// goes on answering for the delay, so that load balancers take it out and no
// client has a connection that ends under a request. Then it takes no more, and
// lets those under way finish within the grace.
type server struct {
	delay, grace time.Duration
	stopping     atomic.Bool
}

// ready is the readiness check of the above.
func (s *server) ready(context.Context) error {
	if s.stopping.Load() {
		return errors.New("this process is stopping")
	}
	return nil
}

// serve answers requests until the context ends and what follows is done.
func (s *server) serve(ctx context.Context, at config.HTTP, handler http.Handler) error {
	tlsConfig, err := at.TLS()
	if err != nil {
		return &config.UsageError{Err: err}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.Addr)
	if err != nil {
		return fmt.Errorf("HTTP_ADDR (--http-addr): %w", err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	h := &http.Server{
		Handler: s.closing(handler), Protocols: protocols,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	drained := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(drained)
		s.drain(h)
	})
	answer := h.Serve
	if tlsConfig != nil {
		protocols.SetHTTP2(true)
		h.TLSConfig = tlsConfig
		answer = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
	}
	if err := answer(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-drained
	return nil
}

func (s *server) drain(h *http.Server) {
	s.stopping.Store(true)
	<-time.After(s.delay)
	bounded(s.grace, func(ctx context.Context) error {
		if err := h.Shutdown(ctx); err != nil {
			return h.Close()
		}
		return nil
	})
}

// closing ends connections with an answer once the process stops. Idle ones stay
// until the end: a request may be on its way to them.
func (s *server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// bounded runs a stop function with a deadline of its own; what it could not
// finish by then is dropped.
func bounded(limit time.Duration, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_ = stop(ctx)
}
