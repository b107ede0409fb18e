// Package artifact fetches the packages of the local stack's servers with Maven
// and keeps them unpacked in a folder that all stacks of a machine share.
//
// A part is there completely or not at all: it is built in a folder beside its
// final one and renamed at the end. The final folder's name holds a hash of the
// pom, so a new version never mixes with an old one. Fetching at the same time
// from several processes is safe; one works, the others wait for it.
package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Part is one server's package.
type Part struct {
	// Profile is the pom's profile that names the artifacts.
	Profile string
	// unpack turns the folder of downloaded files into what dir shall hold.
	unpack func(downloads, dir string) error
	// prepare, unless nil, does with a JDK what is left to do to the unpacked dir.
	prepare func(ctx context.Context, javaHome, dir string) error
}

// The parts of the stack.
var (
	// Postgres has bin/initdb, bin/postgres and what belongs to them.
	Postgres = Part{Profile: "postgres", unpack: unpackPostgres}
	// Kafka has the broker's class path: a folder of jars.
	Kafka = Part{Profile: "kafka", unpack: moveAll}
	// Redis has one program, redis-server.
	Redis = Part{Profile: "redis", unpack: unpackRedis}
	// OpenSearch3 has the distribution's lib, modules, config; it needs JDK 21.
	OpenSearch3 = Part{Profile: "opensearch-3", unpack: unpackDistribution}
	// OpenSearch2 is the same for JDK 17.
	OpenSearch2 = Part{Profile: "opensearch-2", unpack: unpackOpenSearch2}
	// Elasticsearch has the same and bin/elasticsearch; it needs JDK 17. It is for
	// tests of the client: there is no analysis of texts in it.
	Elasticsearch = Part{Profile: "elasticsearch", unpack: unpackDistribution, prepare: addAnalysis}
	// Keycloak has bin/kc.sh and what it starts; it needs JDK 17. It is for tests of
	// signing in.
	Keycloak = Part{Profile: "keycloak", unpack: unpackDistribution}
)

// Debezium has the class path of Kafka Connect and, in plugins, its connector for
// Postgres. It is for benchmarks.
var Debezium = Part{Profile: "debezium", unpack: unpackDebezium}

// Store is a folder of unpacked parts.
type Store struct {
	// Dir is the folder; every account that runs a part must be able to read it.
	Dir string
	// POM is the content of the pom with one profile for each part.
	POM []byte
	// JavaHome is the JDK that Maven runs on, whatever the environment says.
	JavaHome string
	// Report gets one line for every event a person should see.
	Report func(line string)
}

// Fetch returns the folder of the part, after downloading and unpacking it when
// it is not there.
func (s Store) Fetch(ctx context.Context, part Part) (string, error) {
	sum := sha256.Sum256(s.POM)
	dir := filepath.Join(s.Dir, part.Profile+"-"+hex.EncodeToString(sum[:6])+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	if exists(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(dir) {
		return dir, nil
	}
	if err := s.fetch(ctx, part, dir); err != nil {
		return "", fmt.Errorf("fetch %s: %w", part.Profile, err)
	}
	return dir, nil
}

// fetch downloads and unpacks the part beside dir and renames the result to dir.
func (s Store) fetch(ctx context.Context, part Part, dir string) (err error) {
	if err := s.removeUnfinished(); err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.Dir, ".fetch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	pom := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(pom, s.POM, 0o644); err != nil {
		return err
	}
	downloads, unpacked := filepath.Join(work, "downloads"), filepath.Join(work, "unpacked")
	s.Report(fmt.Sprintf("%s: fetching with Maven", part.Profile))
	if err := s.copyDependencies(ctx, pom, part.Profile, downloads); err != nil {
		return err
	}
	s.Report(fmt.Sprintf("%s: unpacking", part.Profile))
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		return err
	}
	if err := part.unpack(downloads, unpacked); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if part.prepare != nil {
		if err := part.prepare(ctx, s.JavaHome, unpacked); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return os.Rename(unpacked, dir)
}

// removeUnfinished removes what killed fetches have left. The caller has the
// lock, so none of it is in use.
func (s Store) removeUnfinished() error {
	unfinished, err := filepath.Glob(filepath.Join(s.Dir, ".fetch-*"))
	for _, work := range unfinished {
		err = errors.Join(err, os.RemoveAll(work))
	}
	return err
}

// lock keeps other processes from fetching into the same store. It waits for
// the one that does, until the context ends.
func (s Store) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(s.Dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		if !waiting {
			s.Report("waiting for another download into " + s.Dir)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(lockInterval):
		}
	}
}

// lockInterval is the time between two attempts to take the lock.
const lockInterval = 100 * time.Millisecond

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
