package generate

import (
	"context"
	"io"
	"runtime"
)

// batch is how many movies are made at once.
const batch = 500

// WriteJSONL writes the movies with indexes from 0 to n-1 as JSONL, in that
// order, and tells progress how many it has written. All processors make movies;
// a few batches are in memory at a time.
func (g *Generator) WriteJSONL(ctx context.Context, out io.Writer, n int64, progress func(written int64)) error {
	return g.stream(ctx, n, func(first, end int64, b []byte) []byte {
		for i := first; i < end; i++ {
			m := g.Movie(i)
			b = AppendLine(b, &m)
		}
		return b
	}, func(_, end int64, text []byte) error {
		_, err := out.Write(text)
		progress(end)
		return err
	})
}

// part is a batch under way.
type part struct {
	first, end int64
	text       chan []byte
}

// stream makes the texts of batches on all processors and hands them to write in
// order, from one goroutine. Buffers are used again.
func (g *Generator) stream(ctx context.Context, n int64, produce func(first, end int64, b []byte) []byte, write func(first, end int64, text []byte) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := runtime.GOMAXPROCS(0)
	todo, ordered := make(chan part), make(chan part, 2*workers)
	free := make(chan []byte, 4*workers)
	go func() {
		defer close(ordered)
		defer close(todo)
		for first := int64(0); first < n; first += batch {
			p := part{first, min(first+batch, n), make(chan []byte, 1)}
			for _, queue := range []chan part{ordered, todo} {
				select {
				case queue <- p:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	for range workers {
		go func() {
			for p := range todo {
				var b []byte
				select {
				case b = <-free:
				default:
				}
				p.text <- produce(p.first, p.end, b[:0])
			}
		}()
	}
	for p := range ordered {
		select {
		case text := <-p.text:
			if err := write(p.first, p.end, text); err != nil {
				return err
			}
			select {
			case free <- text:
			default:
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return context.Cause(ctx)
}
