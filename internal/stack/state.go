package stack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strconv"
	"sync"
)

// state is what the next boot of the same data should find again. It is kept in
// a file of the data folder and safe for concurrent use.
type state struct {
	file string

	mu       sync.Mutex
	Ports    map[string]int `json:"ports"`
	Password string         `json:"password"` // of the database superuser
}

// loadState reads the file, or begins one.
func loadState(file string) (*state, error) {
	s := &state{file: file, Ports: map[string]int{}, Password: rand.Text()}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, s.save()
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

func (s *state) save() error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// port returns a free port of the loopback for the name: the one it had before
// when that is free, else a new one, which is remembered.
func (s *state) port(name string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if port, ok := s.Ports[name]; ok && free(port) {
		return port, nil
	}
	port, err := pickPort(s.taken)
	if err != nil {
		return 0, err
	}
	s.Ports[name] = port
	return port, s.save()
}

func (s *state) taken(port int) bool {
	for _, other := range s.Ports {
		if other == port {
			return true
		}
	}
	return false
}

// Ports are taken from below the ranges that systems take the local ends of
// outgoing connections from. A port of those ranges may be lost while its server
// restarts, even to a client that connects to itself.
const (
	firstPort = 20000
	lastPort  = 31999
)

// pickPort returns a free port, chosen at random so that stacks that boot at the
// same time rarely collide.
func pickPort(taken func(port int) bool) (int, error) {
	for range 200 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1))
		if err != nil {
			return 0, err
		}
		if port := firstPort + int(n.Int64()); !taken(port) && free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}

// free reports whether a server could listen on the port now.
func free(port int) bool {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", loopback(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// loopback is the address of a port of this machine.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
