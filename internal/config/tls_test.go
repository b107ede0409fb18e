package config_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"movies/internal/config"
)

// A certificate that is replaced is served without a restart; half of a new one
// changes nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	at := config.HTTP{CertFile: filepath.Join(dir, "cert"), KeyFile: filepath.Join(dir, "key")}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, content string, age time.Duration) {
		t.Helper()
		when := time.Now().Add(-age)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	write(at.KeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), time.Hour)
	if _, err := at.TLS(); err == nil {
		t.Error("without a certificate there is no error")
	}
	write(at.CertFile, certificate, time.Hour)
	c, err := at.TLS()
	if err != nil {
		t.Fatal(err)
	}
	chain := func() int {
		t.Helper()
		got, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Certificate)
	}
	if n := chain(); n != 1 {
		t.Errorf("a chain of %d", n)
	}
	write(at.CertFile, certificate+certificate, time.Minute)
	if n := chain(); n != 2 {
		t.Errorf("after it was replaced a chain of %d", n)
	}
	write(at.CertFile, "half", time.Second)
	if n := chain(); n != 2 {
		t.Errorf("after half of a new one a chain of %d", n)
	}
}
