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
	return stream(ctx, n, func(first, end int64, text *[]byte) {
		*text = (*text)[:0]
		for i := first; i < end; i++ {
			m := g.Movie(i)
			*text = AppendLine(*text, &m)
		}
	}, func(end int64, text *[]byte) error {
		_, err := out.Write(*text)
		progress(end)
		return err
	})
}

// part is a batch under way.
type part[T any] struct {
	first, end int64
	text       chan *T
}

// stream makes the texts of n things in batches on all processors and hands them
// to write in order, from one goroutine. Texts are used again.
func stream[T any](ctx context.Context, n int64, produce func(first, end int64, text *T), write func(end int64, text *T) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := runtime.GOMAXPROCS(0)
	todo, ordered := make(chan part[T]), make(chan part[T], 2*workers)
	free := make(chan *T, 4*workers)
	go func() {
		defer close(ordered)
		defer close(todo)
		for first := int64(0); first < n; first += batch {
			p := part[T]{first, min(first+batch, n), make(chan *T, 1)}
			for _, queue := range []chan part[T]{ordered, todo} {
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
				var text *T
				select {
				case text = <-free:
				default:
					text = new(T)
				}
				produce(p.first, p.end, text)
				p.text <- text
			}
		}()
	}
	for p := range ordered {
		select {
		case text := <-p.text:
			if err := write(p.end, text); err != nil {
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
