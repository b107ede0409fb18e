package stack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// Elasticsearch is a server that speaks TLS and lets nobody in without
// credentials. It has no analysis to speak of: it is for tests of what the client
// does, not of how texts are searched.
type Elasticsearch struct {
	URL string
	// CAFile is the PEM file of the certificate to trust.
	CAFile string
	// User and Password of its superuser, and an APIKey of it as clients send it.
	User, Password, APIKey string
}

// StartElasticsearch starts one beside the other servers. The stack's folder must
// not lie below /tmp, for the server refuses to have its settings there.
func (s *Stack) StartElasticsearch(ctx context.Context) (*Elasticsearch, error) {
	programs, err := s.store.Fetch(ctx, artifact.Elasticsearch)
	if err != nil {
		return nil, err
	}
	home := filepath.Join(s.data, "elasticsearch")
	config := filepath.Join(home, "config")
	for _, dir := range []string{home, config} {
		if err := s.account.mkdir(dir); err != nil {
			return nil, err
		}
	}
	e := &Elasticsearch{CAFile: filepath.Join(config, "certificate.pem"), User: "tests", Password: rand.Text()}
	certificate, key, err := selfSigned()
	if err != nil {
		return nil, err
	}
	client := trusting(certificate)
	for name, content := range map[string]string{
		"certificate.pem": certificate, "key.pem": key, "log4j2.properties": consoleLogging, "jvm.options": "",
		"users": e.User + ":" + hashed(e.Password) + "\n", "users_roles": "superuser:" + e.User + "\n",
	} {
		if err := s.account.writeFile(filepath.Join(config, name), content); err != nil {
			return nil, err
		}
	}
	_, err = s.serve(ctx, []string{"elasticsearch", "elasticsearch-transport"}, func(ports []int) (supervisor.Process, error) {
		e.URL = "https://" + loopback(ports[0])
		settings := elasticsearchSettings(home, ports[0], ports[1])
		return s.elasticsearchProcess(programs, home, func(ctx context.Context) error {
			return e.ask(ctx, client, http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=1s", "", nil)
		}), s.account.writeFile(filepath.Join(config, "elasticsearch.yml"), settings)
	})
	if err != nil {
		return nil, err
	}
	var made struct{ Encoded string }
	if err := e.ask(ctx, client, http.MethodPost, "/_security/api_key", `{"name": "tests"}`, &made); err != nil {
		return nil, err
	}
	e.APIKey = made.Encoded
	return e, nil
}

func elasticsearchSettings(home string, port, transport int) string {
	return strings.Join([]string{
		"cluster.name: movies-secured",
		"node.name: elasticsearch",
		"discovery.type: single-node",
		"network.host: 127.0.0.1",
		"http.port: " + strconv.Itoa(port),
		"transport.port: " + strconv.Itoa(transport),
		"path.data: " + strconv.Quote(filepath.Join(home, "data")),
		"path.logs: " + strconv.Quote(filepath.Join(home, "logs")),
		"action.auto_create_index: false",
		"cluster.routing.allocation.disk.threshold_enabled: false",
		"xpack.security.enabled: true",
		"xpack.security.enrollment.enabled: false",
		"xpack.security.http.ssl.enabled: true",
		"xpack.security.http.ssl.key: " + strconv.Quote(filepath.Join(home, "config", "key.pem")),
		"xpack.security.http.ssl.certificate: " + strconv.Quote(filepath.Join(home, "config", "certificate.pem")),
		"xpack.security.transport.ssl.enabled: false",
		"",
	}, "\n")
}

// elasticsearchProcess runs the server by its launcher, which tells it over a
// pipe what it needs to know, and ends when the server does.
func (s *Stack) elasticsearchProcess(programs, home string, ready func(context.Context) error) supervisor.Process {
	return supervisor.Process{
		Name: "elasticsearch",
		Path: filepath.Join(programs, "bin", "elasticsearch"),
		Env: append(s.environment(), "ES_JAVA_HOME="+s.jdk.home, "ES_PATH_CONF="+filepath.Join(home, "config"), "ES_TMPDIR="+s.temp(),
			// The server may write below its folder for temporary files, and so refuses a
			// configuration there: a checkout below /tmp must not meet the JVM's own.
			"ES_JAVA_OPTS=-Xms512m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="+s.temp()),
		Dir:          home,
		Credential:   s.account.credential,
		Ready:        ready,
		ReadyTimeout: 5 * time.Minute,
		StopTimeout:  20 * time.Second,
	}
}

// ask asks the server as its superuser.
func (e *Elasticsearch) ask(ctx context.Context, client *http.Client, method, path, body string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, e.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.SetBasicAuth(e.User, e.Password)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// trusting is a client that trusts one certificate.
func trusting(certificate string) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificate))
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}}
}

// selfSigned makes a certificate of the loopback's address, and its key, in PEM.
func selfSigned() (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	signed, err1 := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	raw, err2 := x509.MarshalPKCS8PrivateKey(private)
	text := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	return text("CERTIFICATE", signed), text("PRIVATE KEY", raw), errors.Join(err1, err2)
}

// hashed is a password as the server's file of users has it.
func hashed(password string) string {
	const rounds = 10_000
	salt := make([]byte, 32)
	_, _ = rand.Read(salt)                                               // never fails
	hash, _ := pbkdf2.Key(sha512.New, password, salt, rounds, len(salt)) // never fails with these lengths
	return fmt.Sprintf("{PBKDF2}%d$%s$%s", rounds, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(hash))
}
