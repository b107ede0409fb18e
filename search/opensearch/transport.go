package opensearch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// maxIdlePerNode keeps a connection open for every request that the api and the
// indexer have in flight at once, so that a burst does not pay for handshakes.
const maxIdlePerNode = 128

// dialTimeout bounds connecting and the TLS handshake, each.
const dialTimeout = 3 * time.Second

// vendorTransport makes an OpenSearch server acceptable to the Elasticsearch
// client: requests carry the media types both servers know instead of the
// versioned ones only Elasticsearch knows, and answers carry the header by which
// the client recognises its vendor. Elasticsearch itself is not affected.
type vendorTransport struct{ next http.RoundTripper }

const (
	vendorMediaType = "application/vnd.elasticsearch+"
	productHeader   = "X-Elastic-Product"
	product         = "Elasticsearch"
)

// RoundTrip implements http.RoundTripper. The request's headers are copied before
// they are changed, as the interface demands.
func (t vendorTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, name := range []string{"Accept", "Content-Type"} {
		if plain, ok := plainMediaType(req.Header.Get(name)); ok {
			req = req.Clone(req.Context())
			req.Header.Set(name, plain)
		}
	}
	res, err := t.next.RoundTrip(req)
	if err == nil && res.Header.Get(productHeader) == "" {
		res.Header.Set(productHeader, product)
	}
	return res, err
}

// plainMediaType turns "application/vnd.elasticsearch+json;compatible-with=8"
// into "application/json", and likewise for x-ndjson.
func plainMediaType(s string) (string, bool) {
	format, ok := strings.CutPrefix(s, vendorMediaType)
	if !ok {
		return s, false
	}
	format, _, _ = strings.Cut(format, ";")
	return "application/" + format, true
}

// newHTTPTransport is the connection pool below the client. caFile, if not empty,
// replaces the system's certificate authorities.
func newHTTPTransport(caFile string) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns:        0, // bounded per node
		MaxIdleConnsPerHost: maxIdlePerNode,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      32 << 10,
		WriteBufferSize:     64 << 10,
		DisableCompression:  true, // the answers cross a local network
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate authorities: %s holds no PEM certificate", caFile)
	}
	return t, nil
}
