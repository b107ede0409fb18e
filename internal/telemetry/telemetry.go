// Package telemetry is what a process tells its operator: structured logs with
// the ids of the request or change at hand, Prometheus metrics, health, profiles
// and, when a collector is named, OpenTelemetry traces.
//
// Its promise: telling never holds up the work. Traces are batched and dropped
// when the collector is slow, and the private server is apart from the public one.
package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// NewLogger writes JSON lines of at least the given level (debug, info, warn or
// error) to w. Every line names the process, and the trace id when the context
// carries one, so that a request can be followed through all processes.
func NewLogger(w io.Writer, process, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, errors.New("LOG_LEVEL (--log-level) must be debug, info, warn or error")
	}
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})
	return slog.New(contextHandler{h}).With("process", process), nil
}

// contextHandler adds what the context knows to each record.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		r.AddAttrs(slog.String("request_id", id))
	}
	if sc := oteltrace.SpanContextFromContext(ctx); sc.HasTraceID() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

type requestIDKey struct{}

// WithRequestID gives the context the id that its log lines carry.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id given by WithRequestID, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// StartTracing sends traces to the OTLP/HTTP collector at endpoint, and makes the
// W3C trace context the format in which they cross processes. With an empty
// endpoint nothing is recorded and spans cost next to nothing. The returned
// function flushes and stops, within the bound of its context.
func StartTracing(ctx context.Context, process, endpoint string) (stop func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if endpoint == "" {
		return func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, err
	}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(exporter, trace.WithExportTimeout(5*time.Second)),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", process))),
	)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}
