package opensearch

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// nodes spreads requests over the nodes of a cluster. The next request goes to
// the node with the fewest under way, so that a slow one gets less; a node that
// failed rests, longer each time, and is then tried with one request. It replaces
// the client library's own pool, which rests a node whenever a caller gives up
// waiting: three visitors who leave would rest a whole cluster.
type nodes struct {
	next http.RoundTripper
	all  []*node
}

type node struct {
	base      *url.URL
	underWay  atomic.Int64
	restUntil atomic.Int64 // Unix nanoseconds
	failures  atomic.Int64 // since the last answer
}

// How long a node rests after its first failure, and at most.
const (
	shortestRest = time.Second
	longestRest  = 30 * time.Second
)

// anyNode is the address that the client library is given.
const anyNode = "http://search-cluster.invalid"

func newNodes(next http.RoundTripper, addresses []string) (*nodes, error) {
	n := &nodes{next: next}
	for _, address := range addresses {
		base, err := url.Parse(strings.TrimRight(address, "/"))
		if err != nil {
			return nil, err
		}
		n.all = append(n.all, &node{base: base})
	}
	if len(n.all) == 0 {
		return nil, errors.New("names no node")
	}
	return n, nil
}

// mostTries bounds to how many nodes one request is sent.
const mostTries = 3

// RoundTrip implements http.RoundTripper. A request that did not reach its node, a
// read whose connection broke, and one that its node cannot answer by itself, are
// sent to other nodes, once to each.
func (n *nodes) RoundTrip(req *http.Request) (*http.Response, error) {
	var tried []*node
	for {
		chosen := n.pick(tried)
		res, err := chosen.send(n.next, req)
		tried = append(tried, chosen)
		if len(tried) == min(len(n.all), mostTries) || req.Context().Err() != nil {
			return res, err
		}
		if err == nil {
			if !unable(req, res) {
				return res, nil
			}
			drain(res.Body)
			_ = res.Body.Close()
		} else if !repeatable(req, err) {
			return nil, err
		}
		req = req.Clone(req.Context())
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// pick is the node with the fewest requests under way among those awake, or among
// all when none is; never one that was tried.
func (n *nodes) pick(tried []*node) *node {
	now := time.Now().UnixNano()
	var best *node
	bestAwake := false
	start := rand.IntN(len(n.all))
	for i := range n.all {
		candidate := n.all[(start+i)%len(n.all)]
		if slices.Contains(tried, candidate) {
			continue
		}
		awake := candidate.restUntil.Load() <= now
		better := best == nil || awake && !bestAwake
		if !better && awake == bestAwake {
			better = candidate.underWay.Load() < best.underWay.Load()
		}
		if better {
			best, bestAwake = candidate, awake
		}
	}
	if bestAwake && best.failures.Load() > 0 { // a trial: the others go elsewhere meanwhile
		best.restUntil.Store(now + int64(shortestRest))
	}
	return best
}

func (n *node) send(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	target := *req.URL
	target.Scheme, target.Host, target.Path = n.base.Scheme, n.base.Host, n.base.Path+target.Path
	req = req.WithContext(req.Context())
	req.URL = &target
	req.Host = ""
	if user := n.base.User; user != nil && req.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		req.Header = req.Header.Clone()
		req.SetBasicAuth(user.Username(), password)
	}
	n.underWay.Add(1)
	defer n.underWay.Add(-1)
	res, err := next.RoundTrip(req)
	switch {
	case err == nil && !unable(req, res):
		n.failures.Store(0)
		n.restUntil.Store(0)
	case !errors.Is(context.Cause(req.Context()), context.Canceled): // who gave up says nothing about the node
		rest := min(shortestRest<<min(n.failures.Add(1)-1, 10), longestRest)
		n.restUntil.Store(time.Now().Add(rest).UnixNano())
	}
	return res, err
}

// unable tells whether a node could not answer a read, which another may: it is cut
// off from the leader, or stops. Answering so at once it would draw all requests. A
// node with too much to do says 429.
func unable(req *http.Request, res *http.Response) bool {
	return reads(req) && res.StatusCode == http.StatusServiceUnavailable
}

func reads(req *http.Request) bool {
	_, marked := req.Header[readsOnly]
	return marked || req.Method == http.MethodGet
}

// repeatable tells whether a request that failed can be sent again without being
// done twice: it was never sent, or it only reads.
func repeatable(req *http.Request, err error) bool {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return req.Body == nil || req.GetBody != nil
	}
	return reads(req) && (req.Body == nil || req.GetBody != nil)
}

// readsOnly marks a request that may be repeated. With no value it is not sent;
// net/http takes it likewise, for connections that the server closed.
const readsOnly = "Idempotency-Key"
