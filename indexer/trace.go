package indexer

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// maxLinks bounds how many changes a request's span names.
const maxLinks = 64

// trace begins the span of a bulk request. It is linked to the relay's spans of
// the changes in it, for a request has many origins and so no single parent.
func trace(ctx context.Context, index string, changes []change) (context.Context, func()) {
	var links []oteltrace.Link
	for i := range changes {
		if len(links) == maxLinks {
			break
		}
		if origin := spanOf(changes[i].event.TraceParent); origin.IsSampled() {
			links = append(links, oteltrace.Link{SpanContext: origin})
		}
	}
	ctx, span := otel.Tracer("movies/indexer").Start(ctx, "bulk",
		oteltrace.WithSpanKind(oteltrace.SpanKindClient), oteltrace.WithLinks(links...),
		oteltrace.WithAttributes(attribute.String("index", index), attribute.Int("items", len(changes))))
	return ctx, func() { span.End() }
}

func spanOf(traceParent string) oteltrace.SpanContext {
	if traceParent == "" {
		return oteltrace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": traceParent}
	return oteltrace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}
