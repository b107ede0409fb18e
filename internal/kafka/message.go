package kafka

import "time"

// Message is one record of a topic.
type Message struct {
	// Topic is one of the Topic constants, without the client's prefix.
	Topic     string
	Partition int
	Offset    int64
	Key       []byte
	// Value is nil for a tombstone: compaction then forgets the key.
	Value   []byte
	Headers []Header
	// Time is when the producer made the record; set by Publish when zero.
	Time time.Time
}

// Header is a named value beside a message's own.
type Header struct {
	Key   string
	Value []byte
}

// Header gives the value of the first header of that name, or "".
func (m *Message) Header(key string) string {
	for _, h := range m.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
