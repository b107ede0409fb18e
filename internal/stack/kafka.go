package stack

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

func (s *Stack) startKafka(ctx context.Context) error {
	jars, err := s.store.Fetch(ctx, artifact.Kafka)
	if err != nil {
		return err
	}
	home := filepath.Join(s.data, "kafka")
	if err := s.account.mkdir(home); err != nil {
		return err
	}
	if err := s.account.writeFile(filepath.Join(home, "log4j2.properties"), consoleLogging); err != nil {
		return err
	}
	ports, err := s.serve(ctx, []string{"kafka", "kafka-controller"}, func(ports []int) (supervisor.Process, error) {
		properties := filepath.Join(home, "server.properties")
		if err := s.account.writeFile(properties, kafkaProperties(home, ports[0], ports[1], s.options.AdvertisedKafka)); err != nil {
			return supervisor.Process{}, err
		}
		if err := s.formatKafka(ctx, jars, home, properties); err != nil {
			return supervisor.Process{}, err
		}
		return s.kafkaProcess(jars, home, properties, ports[0]), nil
	})
	if err != nil {
		return err
	}
	s.KafkaBrokers = loopback(ports[0])
	return nil
}

// kafkaProperties configures one node that is broker and controller. What is
// replicated by default is told to be content with one copy. Topics are made on
// purpose only.
func kafkaProperties(home string, port, controller int, advertised string) string {
	return strings.Join([]string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@" + loopback(controller),
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=PLAINTEXT",
		"listeners=PLAINTEXT://" + loopback(port) + ",CONTROLLER://" + loopback(controller),
		"advertised.listeners=PLAINTEXT://" + cmp.Or(advertised, loopback(port)),
		"log.dirs=" + filepath.Join(home, "data"),
		"auto.create.topics.enable=false",
		"default.replication.factor=1",
		"min.insync.replicas=1",
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=8",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=8",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		"log.cleaner.dedupe.buffer.size=33554432",
		"",
	}, "\n")
}

// formatKafka gives the data folder its cluster id, unless it has one.
func (s *Stack) formatKafka(ctx context.Context, jars, home, properties string) error {
	if _, err := os.Stat(filepath.Join(home, "data", "meta.properties")); err == nil {
		return nil
	}
	s.report("kafka: formatting its data folder")
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	id[0] &= 0x7f        // an id must not begin with a dash
	args := append(s.kafkaJVM(jars, home), "kafka.tools.StorageTool", "format",
		"--cluster-id", base64.RawURLEncoding.EncodeToString(id), "--config", properties)
	return s.run(ctx, "", s.jdk.java(), args...)
}

// kafkaJVM starts fast and stays small: one tier of compilation and a serial
// collector.
func (s *Stack) kafkaJVM(jars, home string) []string {
	return []string{
		"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.awt.headless=true",
		"-Djava.io.tmpdir=" + s.temp(),
		"-Dlog4j2.configurationFile=" + filepath.Join(home, "log4j2.properties"),
		"-cp", filepath.Join(jars, "*"),
	}
}

func (s *Stack) kafkaProcess(jars, home, properties string, port int) supervisor.Process {
	args := append(s.kafkaJVM(jars, home), s.classArchive("kafka")...)
	return supervisor.Process{
		Name:         "kafka",
		Path:         s.jdk.java(),
		Args:         append(args, "kafka.Kafka", properties),
		Env:          s.environment(),
		Dir:          home,
		Credential:   s.account.credential,
		Ready:        func(ctx context.Context) error { return pingKafka(ctx, loopback(port)) },
		ReadyTimeout: 5 * time.Minute,
		StopTimeout:  20 * time.Second,
	}
}

// pingKafka asks for the metadata of no topic: a broker is listed there once it
// has joined its cluster, and only then topics can be made.
func pingKafka(ctx context.Context, address string) error {
	const metadata, version, correlation = 3, 1, 7
	var request []byte
	request = binary.BigEndian.AppendUint32(request, 14) // the bytes that follow
	request = binary.BigEndian.AppendUint16(request, metadata)
	request = binary.BigEndian.AppendUint16(request, version)
	request = binary.BigEndian.AppendUint32(request, correlation)
	request = binary.BigEndian.AppendUint16(request, 0xffff) // no client id
	request = binary.BigEndian.AppendUint32(request, 0)      // no topics
	answer, err := ask(ctx, address, request, 12)
	if err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(answer[4:]); got != correlation {
		return fmt.Errorf("not a Kafka broker: correlation id %d", got)
	}
	if binary.BigEndian.Uint32(answer[8:]) == 0 {
		return errors.New("the broker has not joined its cluster yet")
	}
	return nil
}

// consoleLogging sends a server's log to its output, which is its log file here.
const consoleLogging = `status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1.}: %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`
