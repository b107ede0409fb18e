package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
)

// recorder keeps what is sent over its connections.
type recorder struct {
	net.Conn
	mu   *sync.Mutex
	sent *bytes.Buffer
}

func (r recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.Write(p)
	return r.Conn.Write(p)
}

// Every produce request asks for the acknowledgement of all in-sync replicas. A
// single broker cannot show the difference, so the request itself is looked at.
func TestPublishAsksAllReplicas(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	var mu sync.Mutex
	var connections []*bytes.Buffer
	dial := c.transport.Dial
	c.transport.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		mu.Lock()
		defer mu.Unlock()
		sent := new(bytes.Buffer)
		connections = append(connections, sent)
		return recorder{conn, &mu, sent}, err
	}
	c.transport.CloseIdleConnections()
	publish(t, c, numbered(0, 100))
	mu.Lock()
	defer mu.Unlock()
	requests := 0
	for _, sent := range connections {
		for sent.Len() > 4 {
			request := sent.Next(int(binary.BigEndian.Uint32(sent.Next(4))))
			if key := binary.BigEndian.Uint16(request); key != 0 { // produce
				continue
			}
			requests++
			name := int(binary.BigEndian.Uint16(request[8:]))
			transaction := request[10+name:]
			if acks := int16(binary.BigEndian.Uint16(transaction[2:])); acks != -1 || binary.BigEndian.Uint16(transaction) != 0xffff {
				t.Errorf("a produce request asks for %d acknowledgements, want -1, all", acks)
			}
		}
	}
	if requests == 0 {
		t.Error("no produce request was seen")
	}
}
