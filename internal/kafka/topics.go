package kafka

import (
	"fmt"
	"maps"
	"strconv"
	"time"
)

// The topics. Each name is written here and nowhere else.
const (
	// TopicChanges carries one Event per changed movie. Key: the movie's id in
	// decimal. Compacted: the last event of each movie stays, deletes included.
	TopicChanges = "movies.changes"
	// TopicDLQ holds the events that could not be applied, as DeadLetters. Its
	// one partition is compacted by the letter's own id, so that a letter is
	// there once however often it was parked, and gone when it was dealt with.
	TopicDLQ = "movies.dlq"
	// TopicRelay holds the relay's RelayState, one record per epoch. One
	// partition, compacted.
	TopicRelay = "movies.relay"
	// TopicRevocations names the sessions that ended before their tokens expired.
	// Key: the session's id. One partition, compacted, and short-lived.
	TopicRevocations = "movies.revocations"
)

// MaxMessageBytes is the largest message that the topics accept, before it is
// compressed. Nearly every event has 1 to 10 KB; the bound is above the largest
// movie that is valid, all lists full, and below the 100 MiB at which a broker
// hangs up. A message above it is rejected here.
const MaxMessageBytes = 64 << 20

// LateBy is how old an event may be when TopicChanges takes it: counted from when
// its document was read, by the broker's clock. It keeps out what a relay sends
// that was taken over from long ago without knowing, because its machine stood
// still. A clock that differs from the brokers' by as much stops the relay.
const LateBy = 5 * time.Minute

// compactedAfter is the least age of what compaction removes. Compaction keeps
// the last event of a movie, which after a repeated publish is not always the
// newest; a feed that is less behind than this reads them all.
const compactedAfter = 24 * time.Hour

// revocationsKept is how long TopicRevocations holds what it is told, at least:
// well above the life of an access token.
const revocationsKept = time.Hour

// TopicSettings are the settings that depend on the cluster's size.
type TopicSettings struct {
	// Partitions of TopicChanges: the largest number of processes that can share
	// the work of feeding one index. 1 or more.
	Partitions int
	// ReplicationFactor of every topic: 1 or more, not above the number of
	// brokers. 3 in production.
	ReplicationFactor int
	// MinInSyncReplicas is how many replicas must have a message before it is
	// acknowledged: 1 or more, not above ReplicationFactor. 2 in production.
	MinInSyncReplicas int
}

// Validate checks the ranges.
func (s TopicSettings) Validate() error {
	switch {
	case s.Partitions < 1:
		return fmt.Errorf("topic settings: partitions must be at least 1, not %d", s.Partitions)
	case s.ReplicationFactor < 1:
		return fmt.Errorf("topic settings: replicas must be at least 1, not %d", s.ReplicationFactor)
	case s.MinInSyncReplicas < 1 || s.MinInSyncReplicas > s.ReplicationFactor:
		return fmt.Errorf("topic settings: in-sync replicas must be from 1 to the number of replicas (%d), not %d",
			s.ReplicationFactor, s.MinInSyncReplicas)
	}
	return nil
}

// topicSpec is what a topic should look like.
type topicSpec struct {
	name       string
	partitions int
	replicas   int
	configs    map[string]string
}

func topicSpecs(s TopicSettings) []topicSpec {
	configs := map[string]string{
		"cleanup.policy":      "compact",
		"min.insync.replicas": strconv.Itoa(s.MinInSyncReplicas),
		"max.message.bytes":   strconv.Itoa(MaxMessageBytes),
		// A replica that lacks acknowledged messages must never become the leader.
		"unclean.leader.election.enable": "false",
	}
	changes := maps.Clone(configs)
	changes["message.timestamp.before.max.ms"] = strconv.FormatInt(LateBy.Milliseconds(), 10)
	changes["min.compaction.lag.ms"] = strconv.FormatInt(compactedAfter.Milliseconds(), 10)
	brief := maps.Clone(configs)
	brief["cleanup.policy"] = "compact,delete"
	brief["retention.ms"] = strconv.FormatInt(revocationsKept.Milliseconds(), 10)
	brief["segment.ms"] = brief["retention.ms"]
	return []topicSpec{
		{TopicChanges, s.Partitions, s.ReplicationFactor, changes},
		{TopicDLQ, 1, s.ReplicationFactor, configs},
		{TopicRelay, 1, s.ReplicationFactor, configs},
		{TopicRevocations, 1, s.ReplicationFactor, brief},
	}
}

// EventKey is the key of a movie's events in TopicChanges.
func EventKey(id int64) []byte { return strconv.AppendInt(nil, id, 10) }
