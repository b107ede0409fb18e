package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"movies/internal/movie"
	"movies/search"
)

// question is something that can be asked again. Equal questions have equal keys.
type question struct {
	kind, key string
	ask       func(context.Context) (any, error)
}

// get answers from what is kept, or waits for the origin.
func (c *Cache) get(ctx context.Context, q question) (any, error) {
	kept, _ := c.local.GetIfPresent(q.key)
	stands, asOf := c.judge(kept, time.Now())
	switch stands {
	case usable:
		c.refresh(ctx, q)
		fallthrough
	case fresh:
		c.metrics.asked(q.kind, byProcess)
		search.Report(ctx, asOf, false)
		return kept.answer, nil
	}
	l, err := c.wait(ctx, q)
	if stands, _ := c.judge(l.entry, time.Now()); err == nil && l.by == byOthers && stands < usable {
		l, err = c.wait(ctx, q) // what was joined took so long that its answer is too old
	}
	if err != nil {
		return c.standIn(ctx, q, kept, err)
	}
	c.metrics.asked(q.kind, l.by)
	_, asOf = c.judge(l.entry, time.Now())
	search.Report(ctx, asOf, false)
	return l.entry.answer, nil
}

// standIn gives out what was kept, though too old, where the origin failed.
func (c *Cache) standIn(ctx context.Context, q question, kept *entry, err error) (any, error) {
	stands, asOf := c.judge(kept, time.Now())
	if stands < old || errors.Is(err, movie.ErrInvalid) || errors.Is(err, context.Canceled) {
		c.metrics.asked(q.kind, byNothing)
		return nil, err
	}
	c.metrics.asked(q.kind, byStale)
	search.Report(ctx, asOf, true)
	return kept.answer, nil
}

// landing is what a flight brings back.
type landing struct {
	entry *entry
	by    string
}

// wait waits for the question's one flight.
func (c *Cache) wait(ctx context.Context, q question) (landing, error) {
	led := false
	done := c.flights.DoChan(q.key, func() (any, error) {
		led = true
		return c.fly(ctx, q, usable)
	})
	select {
	case <-ctx.Done():
		return landing{}, ctx.Err()
	case r := <-done:
		l := r.Val.(landing)
		if !led {
			l.by = byOthers
		}
		return l, r.Err
	}
}

// refresh renews an answer in the background, unless that is under way, or enough
// others are.
func (c *Cache) refresh(ctx context.Context, q question) {
	select {
	case c.refreshes <- struct{}{}:
	default:
		return
	}
	done := c.flights.DoChan(q.key, func() (any, error) { return c.fly(ctx, q, fresh) })
	go func() {
		<-done // after an error a later question tries again, and tells of it when the answer is too old
		<-c.refreshes
	}()
}

// fly fetches an answer that stands at least as well as asked for: from Redis, or
// else from the origin, once for all replicas. It outlives the caller, for others
// wait with them.
func (c *Cache) fly(ctx context.Context, q question, least standing) (l landing, err error) {
	defer func() {
		if cause := recover(); cause != nil { // on this goroutine nobody else would
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	if e := c.shared(ctx, q, least); e != nil {
		return landing{e, byRedis}, nil
	}
	unlock, elsewhere := c.redis.lock(ctx, q.key)
	if elsewhere {
		if e := c.awaitShared(ctx, q, least); e != nil {
			return landing{e, byReplica}, nil
		}
	}
	e, err := c.ask(ctx, q)
	go func() { // the answer does not wait for Redis
		if err == nil {
			c.share(context.WithoutCancel(ctx), q, e)
		}
		unlock()
	}()
	return landing{e, byOrigin}, err
}

// ask puts the question to the origin, and keeps the answer in the process.
func (c *Cache) ask(ctx context.Context, q question) (*entry, error) {
	asked := time.Now()
	c.metrics.origin.WithLabelValues(q.kind).Inc()
	answer, err := q.ask(ctx)
	if err != nil {
		return nil, err
	}
	e := &entry{asked: asked, answer: answer}
	c.keep(q.key, e)
	return e, nil
}

// keep keeps an answer in the process, unless a newer one is there, or a newer
// change is known.
func (c *Cache) keep(key string, e *entry) {
	stands, _ := c.judge(e, time.Now())
	if kept, ok := c.local.GetIfPresent(key); stands >= old && (!ok || kept.asked.Before(e.asked)) {
		c.local.Set(key, e)
	}
}

// share gives an answer to the other replicas, unless a newer change is known.
func (c *Cache) share(ctx context.Context, q question, e *entry) {
	if stands, _ := c.judge(e, time.Now()); stands >= old {
		c.redis.put(ctx, q.kind, q.key, e)
	}
}

// shared is what Redis has, if it stands well enough.
func (c *Cache) shared(ctx context.Context, q question, least standing) *entry {
	e := c.redis.get(ctx, q.kind, q.key)
	if stands, _ := c.judge(e, time.Now()); stands < least {
		return nil
	}
	c.keep(q.key, e)
	return e
}

// Another replica's answer is waited for as long as a quick one takes; the
// question then goes to the origin from here too.
const (
	patience = 250 * time.Millisecond
	glance   = 10 * time.Millisecond
)

// awaitShared waits for the answer that another replica is fetching.
func (c *Cache) awaitShared(ctx context.Context, q question, least standing) *entry {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if e := c.shared(ctx, q, least); e != nil {
				return e
			}
		}
	}
}
