package stack

import (
	"net"
	"path/filepath"
	"testing"
)

func TestPortsPersistWhileTheyAreFree(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	first, password := portOf(t, file)
	if again, same := portOf(t, file); again != first || same != password {
		t.Errorf("port %d and password %q became %d and %q", first, password, again, same)
	}
	listener, err := net.Listen("tcp", loopback(first))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	other, _ := portOf(t, file)
	if other == first {
		t.Errorf("port %d was given out although it is taken", first)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if again, _ := portOf(t, file); again != other {
		t.Errorf("port %d became %d, want the one chosen last", other, again)
	}
}

func TestPortsDiffer(t *testing.T) {
	t.Parallel()
	s, err := loadState(filepath.Join(t.TempDir(), "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		port, err := s.port(name)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[port]; ok {
			t.Errorf("%s and %s share port %d", name, other, port)
		}
		if port < firstPort || port > lastPort {
			t.Errorf("port %d is outside of %d-%d", port, firstPort, lastPort)
		}
		seen[port] = name
	}
}

// portOf loads the state like a new boot and asks for one port.
func portOf(t *testing.T, file string) (port int, password string) {
	t.Helper()
	s, err := loadState(file)
	if err != nil {
		t.Fatal(err)
	}
	if port, err = s.port("server"); err != nil {
		t.Fatal(err)
	}
	return port, s.Password
}
