package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
)

// topicPatience is how long a topic that was just created may take to appear.
const topicPatience = 30 * time.Second

// EnsureTopics creates the topics that are missing, and compares the others with
// what they should be. Nothing that exists is changed: more partitions move keys,
// other settings may have been chosen. The differences come back as sentences for
// the operator. It waits until every partition has a leader. Several processes
// may call it at once.
func (c *Client) EnsureTopics(ctx context.Context, s TopicSettings) (differences []string, err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, topicPatience)
	defer cancel()
	for _, spec := range topicSpecs(s) {
		created, err := c.createTopic(ctx, spec)
		if err != nil {
			return nil, fmt.Errorf("create topic %s: %w", c.prefixed(spec.name), err)
		}
		partitions, err := c.awaitPartitions(ctx, spec.name)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", c.prefixed(spec.name), err)
		}
		if created {
			continue
		}
		found, err := c.compareTopic(ctx, spec, partitions)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", c.prefixed(spec.name), err)
		}
		differences = append(differences, found...)
	}
	return differences, nil
}

func (c *Client) createTopic(ctx context.Context, spec topicSpec) (created bool, err error) {
	topic := kafka.TopicConfig{Topic: c.prefixed(spec.name), NumPartitions: spec.partitions, ReplicationFactor: spec.replicas}
	for name, value := range spec.configs {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	err = retry(ctx, func() error {
		res, err := c.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
		if err != nil {
			return err
		}
		return res.Errors[topic.Topic]
	})
	if errors.Is(err, kafka.TopicAlreadyExists) {
		return false, nil
	}
	return err == nil, err
}

// compareTopic describes where an existing topic differs from its spec.
func (c *Client) compareTopic(ctx context.Context, spec topicSpec, partitions int) ([]string, error) {
	name := c.prefixed(spec.name)
	var differences []string
	if partitions != spec.partitions {
		differences = append(differences, fmt.Sprintf("topic %s has %d partitions, not %d", name, partitions, spec.partitions))
	}
	request := &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: name},
	}}
	res, err := c.client.DescribeConfigs(ctx, request)
	if err != nil {
		return nil, err
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			if want, ok := spec.configs[e.ConfigName]; ok && want != e.ConfigValue {
				differences = append(differences, fmt.Sprintf("topic %s has %s=%s, not %s", name, e.ConfigName, e.ConfigValue, want))
			}
		}
	}
	slices.Sort(differences)
	return differences, nil
}

// Partitions is the topic's present number of partitions, as known to the
// cluster about a second ago.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	m, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{c.prefixed(topic)}})
	if err != nil {
		return 0, err
	}
	t := m.Topics[0]
	if t.Error != nil {
		return 0, t.Error
	}
	for _, p := range t.Partitions {
		if p.Error != nil && !errors.Is(p.Error, kafka.ReplicaNotAvailable) {
			return 0, fmt.Errorf("partition %s: %w", strconv.Itoa(p.ID), p.Error)
		}
	}
	return len(t.Partitions), nil
}

// awaitPartitions is Partitions, waiting while the topic is not there yet or one
// of its partitions has no leader.
func (c *Client) awaitPartitions(ctx context.Context, topic string) (n int, err error) {
	err = retry(ctx, func() error {
		n, err = c.Partitions(ctx, topic)
		return err
	})
	return n, err
}

// DeleteTopics removes all topics of this client's prefix, which must not be
// empty; tests clean up with it.
func (c *Client) DeleteTopics(ctx context.Context) error {
	if c.prefix == "" {
		return errors.New("refusing to delete topics without a prefix")
	}
	names := []string{c.prefixed(TopicChanges), c.prefixed(TopicDLQ), c.prefixed(TopicRelay), c.prefixed(TopicRevocations)}
	res, err := c.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: names})
	if err != nil {
		return err
	}
	for name, err := range res.Errors {
		if err != nil && !errors.Is(err, kafka.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", name, err)
		}
	}
	return nil
}

// retry repeats what fails for a temporary reason until the context ends.
func retry(ctx context.Context, attempt func() error) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := attempt()
		if err != nil && !temporary(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(retryDelays()), backoff.WithMaxElapsedTime(0))
	return err
}
