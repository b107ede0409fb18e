package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"movies/internal/auth/token"
	"movies/internal/movie"
)

// The rhythm of fetching. A new key of auth is published for longer than
// fetchInterval before it signs.
const (
	fetchInterval = time.Minute
	fetchTimeout  = 3 * time.Second
	firstRetry    = 200 * time.Millisecond
	// unknownPause bounds how often tokens with unknown keys cause a fetch: anybody
	// can make such tokens.
	unknownPause = 5 * time.Second
	// unknownWait is how long a request with such a token waits for it.
	unknownWait = 2 * time.Second
)

// keyCache has the keys of one issuer.
type keyCache struct {
	name    string
	fetch   func(context.Context) (*jose.JSONWebKeySet, error)
	log     *slog.Logger
	current atomic.Pointer[jose.JSONWebKeySet]
	wanted  chan struct{}

	mu      sync.Mutex
	fetched chan struct{} // closed by the next fetch, whatever its outcome
	last    time.Time     // when it was done
}

func newKeyCache(name string, fetch func(context.Context) (*jose.JSONWebKeySet, error), log *slog.Logger) *keyCache {
	return &keyCache{name: name, fetch: fetch, log: log, wanted: make(chan struct{}, 1), fetched: make(chan struct{})}
}

// fetchJWKS fetches a key set from a fixed URL.
func fetchJWKS(url string) func(context.Context) (*jose.JSONWebKeySet, error) {
	client := &http.Client{Timeout: fetchTimeout}
	return func(ctx context.Context) (*jose.JSONWebKeySet, error) {
		set := new(jose.JSONWebKeySet)
		return set, getJSON(ctx, client, url, set)
	}
}

// run fetches at once, then regularly and when an unknown key is wanted. Keys
// that were fetched stay good while the issuer is down.
func (c *keyCache) run(ctx context.Context) {
	retry, failing := firstRetry, false
	for {
		wait := fetchInterval
		set, err := c.fetch(ctx)
		switch {
		case err == nil:
			c.current.Store(set)
			retry = firstRetry
		case ctx.Err() != nil:
			return
		default:
			wait, retry = retry, min(2*retry, 10*time.Second)
			if !failing {
				c.log.WarnContext(ctx, "keys cannot be fetched; trying again", "of", c.name, "error", err)
			}
		}
		failing = err != nil
		c.mu.Lock()
		close(c.fetched)
		c.fetched, c.last = make(chan struct{}), time.Now()
		c.mu.Unlock()
		select {
		case <-c.wanted: // by those who have just been served
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wanted:
		case <-time.After(wait):
		}
	}
}

var errUnknownKey = errors.New("is signed with an unknown key")

// find returns the key with that id. One that is not known may be new: it is
// waited for once, unless keys were fetched a moment ago. While none were ever
// fetched the error is of kind movie.ErrUnavailable.
func (c *keyCache) find(ctx context.Context, id string) (*jose.JSONWebKey, error) {
	if key := c.known(id); key != nil {
		return key, nil
	}
	c.mu.Lock()
	fetched, recent := c.fetched, time.Since(c.last) < unknownPause && c.current.Load() != nil
	c.mu.Unlock()
	if !recent {
		select {
		case c.wanted <- struct{}{}:
		default: // already wanted
		}
		timeout := time.NewTimer(unknownWait)
		defer timeout.Stop()
		select {
		case <-fetched:
		case <-timeout.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if key := c.known(id); key != nil {
		return key, nil
	}
	if c.current.Load() == nil {
		return nil, fmt.Errorf("%w: the keys of %s were not fetched yet", movie.ErrUnavailable, c.name)
	}
	return nil, errUnknownKey
}

func (c *keyCache) finder(ctx context.Context) token.FindKey {
	return func(id string) (*jose.JSONWebKey, error) { return c.find(ctx, id) }
}

func (c *keyCache) known(id string) *jose.JSONWebKey {
	set := c.current.Load()
	if set == nil {
		return nil
	}
	for i := range set.Keys {
		if set.Keys[i].KeyID == id && (set.Keys[i].Use == "sig" || set.Keys[i].Use == "") {
			return &set.Keys[i]
		}
	}
	return nil
}
