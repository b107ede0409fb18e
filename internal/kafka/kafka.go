// Package kafka is the way to Kafka: the topics and their settings, the codec
// of the events in them, publishing, group offsets, and reading. It is the only
// importer of the Kafka library, and none of the library's types leave it.
//
// Its promises:
//   - Publish returns only after all in-sync replicas have acknowledged every
//     message, or says which ones were not.
//   - Messages of one key go to one partition as long as the number of
//     partitions stays (see partitioner). Nothing else about order is promised:
//     a repeated publish may leave duplicates, and older messages behind newer
//     ones. Versions inside the events put that right, offsets never do.
//   - An event written by any older release can be read; one written in a newer
//     schema is refused, with an error that says what to upgrade.
package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/scram"

	"movies/internal/config"
)

// requestTimeout bounds one request to a broker. Half of it is the time that
// the broker itself may take, replication included.
const requestTimeout = 20 * time.Second

// metadataTTL is how old the client's picture of partitions and leaders may be,
// and so how long a failed-over leader can go unnoticed.
const metadataTTL = time.Second

// Client talks to one cluster. It is safe for concurrent use.
type Client struct {
	client    *kafka.Client
	transport *kafka.Transport
	brokers   []string
	prefix    string
	clientID  string
}

// NewClient prepares a client without connecting yet. The name is what brokers
// log and limit by.
func NewClient(cfg config.Kafka, name string) (*Client, error) {
	tlsConfig, err := tlsConfig(cfg)
	if err != nil {
		return nil, err
	}
	mechanism, err := saslMechanism(cfg)
	if err != nil {
		return nil, err
	}
	t := &kafka.Transport{
		Dial:        (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		ClientID:    name,
		TLS:         tlsConfig,
		SASL:        mechanism,
		MetadataTTL: metadataTTL,
	}
	return &Client{
		client:    &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: t, Timeout: requestTimeout},
		transport: t,
		brokers:   cfg.Brokers,
		prefix:    cfg.TopicPrefix,
		clientID:  name,
	}, nil
}

// Close ends the client's idle connections; those in use end with their request.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Ping tells whether a broker answers.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.client.ApiVersions(ctx, &kafka.ApiVersionsRequest{}); err != nil {
		return fmt.Errorf("kafka at %v: %w", c.brokers, err)
	}
	return nil
}

// prefixed is the name that a topic or group has in the cluster.
func (c *Client) prefixed(name string) string { return c.prefix + name }

func tlsConfig(cfg config.Kafka) (*tls.Config, error) {
	if cfg.CAFile == "" {
		if cfg.TLS {
			return &tls.Config{MinVersion: tls.VersionTLS12}, nil
		}
		return nil, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_CA_FILE (--kafka-ca-file): %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("KAFKA_CA_FILE (--kafka-ca-file) holds no certificate in PEM form")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

func saslMechanism(cfg config.Kafka) (sasl.Mechanism, error) {
	if cfg.User == "" {
		return nil, nil
	}
	m, err := scram.Mechanism(scram.SHA512, cfg.User, string(cfg.Password))
	if err != nil {
		return nil, fmt.Errorf("KAFKA_USER or KAFKA_PASSWORD cannot be used for SCRAM-SHA-512: %w", err)
	}
	return m, nil
}
