package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"movies/internal/config"
)

func TestMistakesNameTheVariable(t *testing.T) {
	valid := []string{"--database-url=postgres://localhost/movies", "--kafka-brokers=localhost:9092"}
	for flag, variable := range map[string]string{
		"--database-url=movies":        "DATABASE_URL",
		"--kafka-brokers=localhost":    "KAFKA_BROKERS",
		"--kafka-ca-file=/nonexistent": "KAFKA_CA_FILE",
		"--topic-partitions=0":         "TOPIC_PARTITIONS",
		"--topic-min-in-sync=2":        "TOPIC_MIN_IN_SYNC",
		"--metrics-addr=nowhere":       "METRICS_ADDR",
		"--slot=Not-A-Slot":            "RELAY_SLOT",
	} {
		var stdout, stderr bytes.Buffer
		err := run(t.Context(), append(valid, flag), &stdout, &stderr)
		var usage *config.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: %v, want a mistake in %s", flag, err, variable)
		}
	}
}
