// Package config holds the settings that several processes share, as structs
// that each binary embeds in its own one config struct, and the one way a
// binary's command line is parsed.
//
// Its promise: a setting has one environment variable and one flag of the same
// meaning everywhere, everything is validated before anything is opened, and an
// error names the variable, the flag and the fix. Nothing below cmd reads the
// environment.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
)

// Postgres names a database. Credentials and TLS (sslmode, sslrootcert, ...) are
// part of the libpq URL or key-value string.
type Postgres struct {
	DatabaseURL Secret `name:"database-url" env:"DATABASE_URL" required:"" placeholder:"URL" help:"Postgres of the catalogue, as a libpq URL: postgres://user:password@host:5432/movies?sslmode=verify-full. [$DATABASE_URL]"`
}

// Validate implements kong's validation.
func (c Postgres) Validate() error {
	return validDSN("DATABASE_URL", "--database-url", string(c.DatabaseURL))
}

// Kafka names a cluster.
type Kafka struct {
	Brokers  []string `name:"kafka-brokers" env:"KAFKA_BROKERS" placeholder:"HOST:PORT,…" help:"Kafka bootstrap brokers, comma-separated. [$KAFKA_BROKERS]"`
	User     string   `name:"kafka-user" env:"KAFKA_USER" help:"SASL SCRAM-SHA-512 user; empty for none. [$KAFKA_USER]"`
	Password Secret   `name:"kafka-password" env:"KAFKA_PASSWORD" help:"SASL password. [$KAFKA_PASSWORD]"`
	CAFile   string   `name:"kafka-ca-file" env:"KAFKA_CA_FILE" placeholder:"FILE" help:"PEM file of the certificate authorities to trust; switches TLS on. [$KAFKA_CA_FILE]"`
	// TopicPrefix is put before the name of every topic and consumer group, so that
	// several services can share a cluster.
	TopicPrefix string `name:"kafka-topic-prefix" env:"KAFKA_TOPIC_PREFIX" placeholder:"PREFIX" help:"Put before the name of every topic and consumer group, such as staging. for staging.movies.changes; the same for every process. [$KAFKA_TOPIC_PREFIX]"`
	TLS         bool   `name:"kafka-tls" env:"KAFKA_TLS" help:"Use TLS with the system's certificate authorities. [$KAFKA_TLS]"`
}

// Validate implements kong's validation.
func (c Kafka) Validate() error {
	if len(c.Brokers) == 0 {
		return errors.New("KAFKA_BROKERS (--kafka-brokers) is required: bootstrap brokers such as 127.0.0.1:9092")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("KAFKA_BROKERS (--kafka-brokers): %q is not HOST:PORT, such as 127.0.0.1:9092", b)
		}
	}
	if c.User != "" && c.Password == "" {
		return fmt.Errorf("KAFKA_PASSWORD (--kafka-password) is required with KAFKA_USER")
	}
	if !topicPrefix.MatchString(c.TopicPrefix) {
		return fmt.Errorf("KAFKA_TOPIC_PREFIX (--kafka-topic-prefix): %q is not part of a topic's name: up to 100 of the characters a-z, A-Z, 0-9, ., _ and -", c.TopicPrefix)
	}
	return readable("KAFKA_CA_FILE", "--kafka-ca-file", c.CAFile)
}

// OptionalKafka is Kafka for a process that can do without: then it has no brokers.
type OptionalKafka Kafka

// Validate implements kong's validation.
func (c OptionalKafka) Validate() error {
	if len(c.Brokers) == 0 {
		return nil
	}
	return Kafka(c).Validate()
}

// Redis names the cache that replicas share. User, password, database and TLS
// (rediss) are part of the URL.
type Redis struct {
	URL    Secret `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis 6 or newer for answers that replicas share, such as rediss://user:password@host:6379/0; empty keeps answers in each process alone. [$REDIS_URL]"`
	CAFile string `name:"redis-ca-file" env:"REDIS_CA_FILE" placeholder:"FILE" help:"PEM file of the certificate authorities to trust with rediss. [$REDIS_CA_FILE]"`
}

// Validate implements kong's validation.
func (c Redis) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(string(c.URL))
	if err != nil || u.Host == "" || u.Scheme != "redis" && u.Scheme != "rediss" {
		return fmt.Errorf("REDIS_URL (--redis-url) must be a URL such as redis://host:6379/0 or rediss://user:password@host:6379/0")
	}
	if c.CAFile != "" && u.Scheme != "rediss" { // a file without use is a mistake
		return fmt.Errorf("REDIS_CA_FILE (--redis-ca-file) needs a REDIS_URL that begins with rediss://")
	}
	return readable("REDIS_CA_FILE", "--redis-ca-file", c.CAFile)
}

// topicPrefix leaves room for the longest name of a topic.
var topicPrefix = regexp.MustCompile(`^[a-zA-Z0-9._-]{0,100}$`)

// Search names the search cluster.
type Search struct {
	URLs     []string `name:"search-url" env:"SEARCH_URL" required:"" placeholder:"URL,…" help:"OpenSearch or Elasticsearch nodes, comma-separated. [$SEARCH_URL]"`
	User     string   `name:"search-user" env:"SEARCH_USER" help:"User for basic authentication; empty for none. [$SEARCH_USER]"`
	Password Secret   `name:"search-password" env:"SEARCH_PASSWORD" help:"Password for basic authentication. [$SEARCH_PASSWORD]"`
	APIKey   Secret   `name:"search-api-key" env:"SEARCH_API_KEY" help:"API key, instead of user and password. [$SEARCH_API_KEY]"`
	CAFile   string   `name:"search-ca-file" env:"SEARCH_CA_FILE" placeholder:"FILE" help:"PEM file of the certificate authorities to trust. [$SEARCH_CA_FILE]"`
}

// Validate implements kong's validation.
func (c Search) Validate() error {
	for _, u := range c.URLs {
		if err := httpURL("SEARCH_URL", "--search-url", u); err != nil {
			return err
		}
	}
	if c.User != "" && c.APIKey != "" {
		return fmt.Errorf("SEARCH_USER and SEARCH_API_KEY exclude each other: set one of them")
	}
	return readable("SEARCH_CA_FILE", "--search-ca-file", c.CAFile)
}

// Observe is what every long-running process offers its operator.
type Observe struct {
	LogLevel     string `name:"log-level" env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least severe level to log: debug, info, warn or error. [$LOG_LEVEL]"`
	MetricsAddr  string `name:"metrics-addr" env:"METRICS_ADDR" placeholder:"HOST:PORT" help:"Private address for /healthz, /readyz, /metrics and /debug/pprof; empty for none. [$METRICS_ADDR]"`
	OTLPEndpoint string `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"OpenTelemetry collector to send traces to; empty for none. [$OTEL_EXPORTER_OTLP_ENDPOINT]"`
}

// Validate implements kong's validation.
func (c Observe) Validate() error {
	if c.MetricsAddr != "" {
		if err := listenAddr("METRICS_ADDR", "--metrics-addr", c.MetricsAddr); err != nil {
			return err
		}
	}
	if c.OTLPEndpoint != "" {
		return httpURL("OTEL_EXPORTER_OTLP_ENDPOINT", "--otlp-endpoint", c.OTLPEndpoint)
	}
	return nil
}

// HTTP is where a process serves its public routes.
type HTTP struct {
	Addr string `name:"http-addr" env:"HTTP_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to serve on. [$HTTP_ADDR]"`
	// CertFile and KeyFile switch TLS on.
	CertFile string `name:"tls-cert-file" env:"TLS_CERT_FILE" placeholder:"FILE" help:"PEM file of the certificate chain to serve with TLS; read again when it is replaced. [$TLS_CERT_FILE]"`
	KeyFile  string `name:"tls-key-file" env:"TLS_KEY_FILE" placeholder:"FILE" help:"PEM file of the certificate's key. [$TLS_KEY_FILE]"`
}

// Validate implements kong's validation.
func (c HTTP) Validate() error {
	return errors.Join(listenAddr("HTTP_ADDR", "--http-addr", c.Addr), c.validTLS())
}

// Secret is a setting that never shows itself: formatting it, as logs do, gives
// a placeholder.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the value from JSON and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func validDSN(env, flag, dsn string) error {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		if _, err := url.Parse(dsn); err != nil {
			return fmt.Errorf("%s (%s) is not a valid URL: a character of the password may need percent-encoding", env, flag)
		}
		return nil
	}
	if strings.Contains(dsn, "=") {
		return nil
	}
	return fmt.Errorf("%s (%s) must be a libpq URL such as postgres://user:password@host:5432/movies", env, flag)
}

func httpURL(env, flag, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s (%s): %q is not a URL such as https://host:9200", env, flag, s)
	}
	return nil
}

func listenAddr(env, flag, s string) error {
	if _, _, err := net.SplitHostPort(s); err != nil {
		return fmt.Errorf("%s (%s): %q is not HOST:PORT, such as 127.0.0.1:8080 or :8080", env, flag, s)
	}
	return nil
}

func readable(env, flag, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%s (%s) cannot be read: %w", env, flag, err)
	}
	return f.Close()
}
