package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// TLS is what a process serves with; nil without TLS_CERT_FILE: then it is plain
// http, for loopback or behind a proxy that ends TLS.
func (c HTTP) TLS() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair := &keyPair{cert: c.CertFile, key: c.KeyFile}
	if _, err := pair.current(nil); err != nil {
		return nil, fmt.Errorf("TLS_CERT_FILE (--tls-cert-file) and TLS_KEY_FILE (--tls-key-file): %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.current}, nil
}

func (c HTTP) validTLS() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("TLS_CERT_FILE (--tls-cert-file) and TLS_KEY_FILE (--tls-key-file) go together: set both or none")
	}
	return errors.Join(readable("TLS_CERT_FILE", "--tls-cert-file", c.CertFile), readable("TLS_KEY_FILE", "--tls-key-file", c.KeyFile))
}

// keyPair is a certificate that is replaced on disk before it expires: it is read
// again when its file is another one. A pair that cannot be read, such as one half
// of a new one, leaves the old one in use.
type keyPair struct {
	cert, key string

	mu     sync.Mutex
	loaded *tls.Certificate
	of     time.Time
}

func (p *keyPair) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.cert)
	if err == nil && p.loaded != nil && info.ModTime().Equal(p.of) {
		return p.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(p.cert, p.key)
	}
	switch {
	case err == nil:
		p.loaded, p.of = &pair, info.ModTime()
	case p.loaded == nil:
		return nil, err
	}
	return p.loaded, nil
}
