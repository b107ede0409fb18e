package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// PublishError says which messages were not acknowledged. All others were.
type PublishError struct {
	// Failed maps the index of a message to why it failed. See ErrRejected.
	Failed map[int]error
}

// ErrRejected marks a message that the cluster will never take, however often
// it is sent: it is too large, or not valid.
var ErrRejected = errors.New("rejected by Kafka")

// Error gives the number of failed messages and one of the reasons.
func (e *PublishError) Error() string {
	for i, err := range e.Failed {
		return fmt.Sprintf("publish: %d messages not acknowledged; message %d: %v", len(e.Failed), i, err)
	}
	return "publish: no message failed"
}

// Unwrap gives all the reasons.
func (e *PublishError) Unwrap() []error {
	var errs []error
	for _, err := range e.Failed {
		errs = append(errs, err)
	}
	return errs
}

// Rejected tells whether each failed message would fail again: then the caller
// may set those aside and go on.
func (e *PublishError) Rejected() bool {
	for _, err := range e.Failed {
		if !errors.Is(err, ErrRejected) {
			return false
		}
	}
	return true
}

// ErrLate means that the cluster has refused messages for their age, see LateBy.
var ErrLate = errors.New("refused by Kafka for their age: this process has stood still, or its clock is not the brokers'")

// rejected: sending the same bytes again cannot succeed.
func rejected(err error) bool {
	for _, kind := range []error{kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidRecord} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// temporary: the same request may succeed later.
func temporary(err error) bool {
	for _, kind := range []error{protocol.ErrNoTopic, protocol.ErrNoPartition, protocol.ErrNoLeader, kafka.BrokerNotAvailable} {
		if errors.Is(err, kind) {
			return true
		}
	}
	var kafkaErr kafka.Error
	if errors.As(err, &kafkaErr) {
		return kafkaErr.Temporary()
	}
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}
