// Package opensearch is the adapter to the search engine, OpenSearch or
// Elasticsearch 8, and the only importer of its client library: connections and
// errors (client.go, nodes.go, transport.go), bulk writes (bulk.go, outcome.go), indices and aliases
// (index.go), and the translation of questions into the engine's query language.
//
// Its promises: no vendor type leaves the package; nothing is retried behind the
// caller's back that may have been done (whoever writes judges every outcome, see
// Outcome; a read may be sent to a second node); and a write can never create an
// index (see WriteAlias).
package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/elastic/go-elasticsearch/v8"

	"movies/internal/config"
	"movies/internal/movie"
)

// Client talks to one search cluster. It is safe for concurrent use and spreads
// requests over the nodes it was given (see nodes).
type Client struct {
	es        *elasticsearch.BaseClient
	transport http.RoundTripper
}

// New prepares a client; it does not connect. An error says which setting is wrong.
func New(c config.Search) (*Client, error) {
	pool, err := newHTTPTransport(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("SEARCH_CA_FILE: %w", err)
	}
	return NewOver(pool, c)
}

// NewOver prepares a client that talks over a transport of the caller's: a
// simulated cluster's, say. The CA file is not read.
func NewOver(transport http.RoundTripper, c config.Search) (*Client, error) {
	nodes, err := newNodes(transport, c.URLs)
	if err != nil {
		return nil, fmt.Errorf("SEARCH_URL: %w", err)
	}
	es, err := elasticsearch.NewBaseClient(elasticsearch.Config{
		Addresses: []string{anyNode},
		Username:  c.User,
		Password:  string(c.Password),
		APIKey:    string(c.APIKey),
		Transport: vendorTransport{nodes},
		// A write is repeated by whoever judges its outcome.
		DisableRetry:      true,
		DisableMetaHeader: true,
	})
	if err != nil {
		return nil, fmt.Errorf("SEARCH_URL: %w", err)
	}
	return &Client{es: es, transport: transport}, nil
}

// Close drops the idle connections.
func (c *Client) Close() {
	if pool, ok := c.transport.(*http.Transport); ok {
		pool.CloseIdleConnections()
	}
}

// Ping tells whether the cluster answers, has a leader and can be asked.
func (c *Client) Ping(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/_cluster/health", url.Values{"filter_path": {"status,error"}}, nil, nil)
}

// Error is what the engine answered instead of a result.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Type is the engine's name of the error, such as index_not_found_exception;
	// empty when the answer was not the engine's (a proxy's, say).
	Type string
	// Reason is the engine's explanation.
	Reason string
}

// Error gives status, type and reason on one line.
func (e *Error) Error() string {
	return fmt.Sprintf("search engine answered %d %s: %s", e.Status, e.Type, e.Reason)
}

// Is maps the answer to the kinds of package movie.
func (e *Error) Is(target error) bool {
	switch target {
	case movie.ErrNotFound:
		return e.Status == http.StatusNotFound
	case movie.ErrUnavailable:
		return e.Status == http.StatusTooManyRequests || e.Status >= 500
	}
	return false
}

// do sends a request with an optional JSON body and decodes the answer into out,
// which may be nil. Errors are an *Error for an answer of 300 or above, and
// otherwise of kind movie.ErrUnavailable or the context's.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return c.send(ctx, method, path, query, "application/json", body, out)
}

// send is do for a body that is already encoded.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, mediaType string, body []byte, out any) error {
	return c.exchange(ctx, method, path, query, mediaType, body, func(answer io.Reader) error {
		if out == nil {
			return nil
		}
		return json.NewDecoder(answer).Decode(out)
	})
}

// exchange sends a request and has its answer decoded.
func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, mediaType string, body []byte, decode func(io.Reader) error) error {
	res, err := c.perform(ctx, method, path, query, mediaType, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { drain(res.Body); _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, path, readError(res))
	}
	if err := decode(res.Body); err != nil {
		return fmt.Errorf("%s %s: answer: %w", method, path, unavailable(ctx, err))
	}
	return nil
}

// perform sends a request, which may be changed before; the caller closes the
// answer's body.
func (c *Client) perform(ctx context.Context, method, path string, query url.Values, mediaType string, body []byte, changes ...func(*http.Request)) (*http.Response, error) {
	target := url.URL{Path: path, RawQuery: query.Encode()}
	req := (&http.Request{Method: method, URL: &target, Header: http.Header{"Accept": {"application/json"}}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	if len(body) > 0 {
		req.Header.Set("Content-Type", mediaType)
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	for _, change := range changes {
		change(req)
	}
	res, err := c.es.Perform(req)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return res, nil
}

// unavailable gives a failure to talk to the cluster its kind, unless it was the
// caller who gave up.
func unavailable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return fmt.Errorf("%w: %w", movie.ErrUnavailable, err)
}

// maxErrorBody bounds what is read of an error answer.
const maxErrorBody = 64 << 10

// readError reads the engine's error object, or whatever else was answered.
func readError(res *http.Response) *Error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if err != nil {
		return &Error{Status: res.StatusCode, Reason: err.Error()}
	}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	var cause errorCause
	if json.Unmarshal(raw, &answer) == nil && json.Unmarshal(answer.Error, &cause) == nil {
		return &Error{Status: res.StatusCode, Type: cause.Type, Reason: cause.Reason}
	}
	return &Error{Status: res.StatusCode, Reason: string(raw[:min(len(raw), 200)])}
}

// errorCause is the engine's error object.
type errorCause struct {
	Type     string      `json:"type"`
	Reason   string      `json:"reason"`
	CausedBy *errorCause `json:"caused_by"`
}

// drain reads what is left of an answer, so that its connection can be used again.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxErrorBody) }
