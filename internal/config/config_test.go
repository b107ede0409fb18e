package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"movies/internal/config"
)

type all struct {
	config.Postgres
	config.Kafka
	config.Search
	config.Observe
	config.HTTP
}

var good = map[string]string{
	"DATABASE_URL":  "postgres://u:secret@127.0.0.1:5432/movies",
	"KAFKA_BROKERS": "127.0.0.1:9092,127.0.0.1:9093",
	"SEARCH_URL":    "http://127.0.0.1:9200",
}

func parse(t *testing.T, env map[string]string, args ...string) (all, error) {
	t.Helper()
	for _, name := range []string{"KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_TOPIC_PREFIX", "SEARCH_USER", "SEARCH_API_KEY", "SEARCH_CA_FILE", "METRICS_ADDR", "HTTP_ADDR", "LOG_LEVEL"} {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var c all
	_, err := config.Parse("probe", "Probe.", &c, args, io.Discard, io.Discard)
	return c, err
}

func TestEnvironmentAndFlags(t *testing.T) {
	c, err := parse(t, good, "--http-addr", ":9999")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Brokers) != 2 || c.Brokers[1] != "127.0.0.1:9093" || c.URLs[0] != good["SEARCH_URL"] || c.HTTP.Addr != ":9999" {
		t.Errorf("got %+v", c)
	}
}

func TestErrorsNameTheVariable(t *testing.T) {
	for name, bad := range map[string]string{
		"DATABASE_URL":       "localhost",
		"KAFKA_BROKERS":      "localhost",
		"KAFKA_TOPIC_PREFIX": "a/b",
		"SEARCH_URL":         "127.0.0.1:9200",
		"SEARCH_CA_FILE":     "/does/not/exist",
		"METRICS_ADDR":       "9100",
		"HTTP_ADDR":          "8080",
	} {
		env := map[string]string{}
		for k, v := range good {
			env[k] = v
		}
		env[name] = bad
		_, err := parse(t, env)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, bad, err)
		}
		if code := config.Exit("probe", err, io.Discard); code != config.ExitUsage {
			t.Errorf("%s: exit code %d, want %d", name, code, config.ExitUsage)
		}
	}
}

func TestHelpIsNotAnError(t *testing.T) {
	var out bytes.Buffer
	var c all
	_, err := config.Parse("probe", "Probe.", &c, []string{"--help"}, &out, io.Discard)
	if code := config.Exit("probe", err, io.Discard); code != config.ExitOK {
		t.Errorf("exit code %d, %v", code, err)
	}
	if !strings.Contains(out.String(), "DATABASE_URL") {
		t.Errorf("help does not name DATABASE_URL:\n%s", out.String())
	}
}

func TestVersionNeedsNoSettings(t *testing.T) {
	var out bytes.Buffer
	var c all
	_, err := config.Parse("probe", "Probe.", &c, []string{"--version"}, &out, io.Discard)
	if code := config.Exit("probe", err, io.Discard); code != config.ExitOK || out.String() != "unknown\n" {
		t.Errorf("exit code %d, %v, said %q", code, err, out.String())
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s := struct{ P config.Secret }{"hunter2"}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q", s, s, s.P), string(j)} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("secret shown: %s", shown)
		}
	}
}
