package cache

import (
	"context"
	"strconv"
	"strings"
	"time"

	"movies/search"
)

// Lookup implements search.Searcher. Every movie is kept for itself, whichever
// others it was asked with.
func (c *Cache) Lookup(ctx context.Context, l search.Lookup) ([]search.Item, error) {
	wanted := targets(l)
	if n := len(l.IDs) + len(l.IMDbIDs); n == 0 || n > search.MaxIDs || l.Visible || search.ArePastCaches(ctx) {
		c.metrics.asked(kindLookup, byPassing)
		return c.origin.Lookup(ctx, l)
	}
	if len(wanted) == 1 {
		answer, err := c.get(ctx, c.lookupOne(wanted[0]))
		if err != nil {
			return nil, err
		}
		return answer.([]search.Item), nil
	}
	return c.lookupMany(ctx, wanted)
}

// target is one movie that is asked for, by either kind of id.
type target struct {
	id   int64
	imdb string
}

func targets(l search.Lookup) []target {
	var out []target
	seen := make(map[target]bool, len(l.IDs)+len(l.IMDbIDs))
	add := func(t target) {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	for _, id := range l.IDs {
		add(target{id: id})
	}
	for _, imdb := range l.IMDbIDs {
		add(target{imdb: imdb})
	}
	return out
}

func (t target) key() string {
	if t.imdb != "" {
		return "m " + t.imdb
	}
	return "m " + strconv.FormatInt(t.id, 10)
}

// matches tells whether the item is what was asked for.
func (t target) matches(i *search.Item) bool {
	if t.imdb != "" {
		return i.Movie.IMDbID == t.imdb
	}
	return i.Movie.ID == t.id
}

// lookup is the question for targets.
func (c *Cache) lookup(wanted ...target) question {
	var l search.Lookup
	keys := make([]string, len(wanted))
	for i, t := range wanted {
		keys[i] = t.key()
		if t.imdb != "" {
			l.IMDbIDs = append(l.IMDbIDs, t.imdb)
		} else {
			l.IDs = append(l.IDs, t.id)
		}
	}
	return question{kind: kindLookup, key: strings.Join(keys, ","), ask: func(ctx context.Context) (any, error) {
		return c.origin.Lookup(ctx, l)
	}}
}

// lookupOne is the question for one movie. Only that is an answer: an IMDb id is
// looked for among what is searchable, and the movie found may have lost it to
// another one since. It would be vouched for, for it is new.
func (c *Cache) lookupOne(t target) question {
	q := c.lookup(t)
	ask := q.ask
	q.ask = func(ctx context.Context) (any, error) {
		answer, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		return only(t, answer.([]search.Item)), nil
	}
	return q
}

// lookupMany takes what is kept, and asks for the rest in one question.
func (c *Cache) lookupMany(ctx context.Context, wanted []target) ([]search.Item, error) {
	now := time.Now()
	found := make(map[target]*entry, len(wanted))
	var missing []target
	for _, t := range wanted {
		kept, _ := c.local.GetIfPresent(t.key())
		if stands, asOf := c.judge(kept, now); stands >= usable {
			c.metrics.asked(kindLookup, byProcess)
			search.Report(ctx, asOf, false)
			found[t] = kept
		} else {
			missing = append(missing, t)
		}
	}
	if len(missing) > 0 {
		if err := c.fillMany(ctx, missing, found); err != nil {
			return nil, err
		}
	}
	return inOrder(wanted, found), nil
}

// fillMany looks for the missing in Redis and then at the origin, or takes what
// was kept too long where that fails.
func (c *Cache) fillMany(ctx context.Context, missing []target, found map[target]*entry) error {
	var rest []target
	keys := make([]string, len(missing))
	for i, t := range missing {
		keys[i] = t.key()
	}
	for i, e := range c.redis.getMany(ctx, kindLookup, keys) {
		if stands, asOf := c.judge(e, time.Now()); stands >= usable {
			c.metrics.asked(kindLookup, byRedis)
			c.keep(keys[i], e)
			search.Report(ctx, asOf, false)
			found[missing[i]] = e
		} else {
			rest = append(rest, missing[i])
		}
	}
	if len(rest) == 0 {
		return nil
	}
	whole, err := c.ask(ctx, c.lookup(rest...))
	shared := make(map[target]*entry, len(rest))
	defer func() { go c.shareMany(context.WithoutCancel(ctx), shared) }()
	for _, t := range rest {
		if err == nil {
			e := &entry{asked: whole.asked, answer: only(t, whole.answer.([]search.Item))}
			c.keep(t.key(), e)
			shared[t] = e
			c.metrics.asked(kindLookup, byOrigin)
			search.Report(ctx, e.asked, false)
			found[t] = e
			continue
		}
		kept, _ := c.local.GetIfPresent(t.key())
		if _, failed := c.standIn(ctx, c.lookup(t), kept, err); failed != nil {
			return failed
		}
		found[t] = kept
	}
	return nil
}

func (c *Cache) shareMany(ctx context.Context, found map[target]*entry) {
	for t, e := range found {
		c.share(ctx, c.lookup(t), e)
	}
}

func only(t target, items []search.Item) []search.Item {
	var out []search.Item
	for i := range items {
		if t.matches(&items[i]) {
			out = append(out, items[i])
		}
	}
	return out
}

// inOrder is the movies in the order asked for, each once.
func inOrder(wanted []target, found map[target]*entry) []search.Item {
	out := make([]search.Item, 0, len(wanted))
	seen := make(map[int64]bool, len(wanted))
	for _, t := range wanted {
		for _, item := range found[t].answer.([]search.Item) {
			if !seen[item.Movie.ID] {
				seen[item.Movie.ID] = true
				out = append(out, item)
			}
		}
	}
	return out
}
