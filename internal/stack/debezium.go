package stack

import (
	"context"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// Debezium tells what a connector captures. It is a reference that benchmarks are
// measured beside, set up for throughput.
type Debezium struct {
	DatabaseURL, KafkaBrokers string
	// Table is captured, as schema.table, by a Slot and a Publication that are
	// there; only what is behind the slot's position is.
	Table, Slot, Publication string
	// Prefix of the topic, which is Prefix.Table.
	Prefix string
}

// StartDebezium starts Kafka Connect in one process with one connector.
func (s *Stack) StartDebezium(ctx context.Context, d Debezium) error {
	programs, err := s.store.Fetch(ctx, artifact.Debezium)
	if err != nil {
		return err
	}
	home := filepath.Join(s.data, "debezium")
	if err := s.account.mkdir(home); err != nil {
		return err
	}
	database, err := url.Parse(d.DatabaseURL)
	if err != nil {
		return err
	}
	worker, connector := filepath.Join(home, "worker.properties"), filepath.Join(home, "connector.properties")
	for path, content := range map[string]string{connector: d.connector(database), filepath.Join(home, "log4j2.properties"): consoleLogging} {
		if err := s.account.writeFile(path, content); err != nil {
			return err
		}
	}
	_, err = s.serve(ctx, []string{"debezium"}, func(ports []int) (supervisor.Process, error) {
		args := []string{"-Xmx1g", "-Dlog4j2.configurationFile=" + filepath.Join(home, "log4j2.properties"), "-Djava.io.tmpdir=" + s.temp(),
			"-cp", filepath.Join(programs, "*"), "org.apache.kafka.connect.cli.ConnectStandalone", worker, connector}
		return supervisor.Process{
			Name: "debezium", Path: s.jdk.java(), Args: args, Env: s.environment(), Dir: home, Credential: s.account.credential,
			Ready: func(ctx context.Context) error {
				return answers(ctx, "http://"+loopback(ports[0])+"/connectors/movies/status")
			},
			ReadyTimeout: 5 * time.Minute, StopTimeout: 20 * time.Second,
		}, s.account.writeFile(worker, connectWorker(d.KafkaBrokers, home, filepath.Join(programs, "plugins"), ports[0]))
	})
	return err
}

// connectWorker makes large batches, as the relay does.
func connectWorker(brokers, home, plugins string, port int) string {
	return strings.Join([]string{
		"bootstrap.servers=" + brokers,
		"listeners=http://" + loopback(port),
		"plugin.path=" + plugins,
		"offset.storage.file.filename=" + filepath.Join(home, "offsets"),
		"key.converter=org.apache.kafka.connect.json.JsonConverter",
		"value.converter=org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable=false",
		"value.converter.schemas.enable=false",
		"producer.acks=all",
		"producer.compression.type=lz4",
		"producer.batch.size=900000",
		"producer.linger.ms=5",
		"",
	}, "\n")
}

func (d Debezium) connector(database *url.URL) string {
	password, _ := database.User.Password()
	return strings.Join([]string{
		"name=movies",
		"connector.class=io.debezium.connector.postgresql.PostgresConnector",
		"database.hostname=" + database.Hostname(),
		"database.port=" + database.Port(),
		"database.user=" + database.User.Username(),
		"database.password=" + password,
		"database.dbname=" + strings.TrimPrefix(database.Path, "/"),
		"topic.prefix=" + d.Prefix,
		"table.include.list=" + d.Table,
		"plugin.name=pgoutput",
		"slot.name=" + d.Slot,
		"publication.name=" + d.Publication,
		"publication.autocreate.mode=disabled",
		"snapshot.mode=no_data",
		"max.batch.size=8192",
		"max.queue.size=" + strconv.Itoa(4*8192),
		"poll.interval.ms=10",
		"topic.creation.default.replication.factor=1",
		"topic.creation.default.partitions=3",
		"",
	}, "\n")
}
