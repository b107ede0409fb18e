package api

import (
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/netip"
	goruntime "runtime"
	"testing"

	"movies/internal/auth/identity"
)

func TestClientBehindProxies(t *testing.T) {
	l := &limiter{Limits: Limits{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.7:1", "", "192.0.2.7"},
		{"192.0.2.7:1", "198.51.100.1", "192.0.2.7"},                          // an untrusted peer names nobody
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},                        // the proxy's word counts
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.1", "198.51.100.1"},           // what the client claimed does not
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"}, // two proxies
		{"10.0.0.1:1", "nonsense", "10.0.0.1"},
		{"[2001:db8:1:2:3::4]:1", "", "2001:db8:1:2::"}, // a customer's whole /64
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := l.address(r).String(); got != c.want {
			t.Errorf("peer %s, forwarded %q: got %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestTokenBucketPerClient(t *testing.T) {
	l, err := newLimiter(Limits{PerClient: 0.001, Burst: 3})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(peer string) (bool, http.Header) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = peer + ":1"
		h := http.Header{}
		wait, _ := l.take(h, r, identity.Identity{})
		return wait == 0, h
	}
	for i := range 3 {
		if ok, h := ask("192.0.2.1"); !ok || h.Get("RateLimit-Limit") != "3" {
			t.Fatalf("request %d of a burst of 3: refused, or headers %v", i+1, h)
		}
	}
	if ok, _ := ask("192.0.2.1"); ok {
		t.Error("request 4 of a burst of 3 was let through")
	}
	if ok, _ := ask("192.0.2.2"); !ok {
		t.Error("another client was refused")
	}
}

// TestAFloodOfAddresses: hundreds of thousands of them take bounded memory, and do not free
// the one that floods by itself.
func TestAFloodOfAddresses(t *testing.T) {
	const addresses, bound = 400_000, 48 << 20
	b, err := newBuckets[netip.Addr](0.0001, 50)
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		var m goruntime.MemStats
		goruntime.GC()
		goruntime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	flooder := netip.MustParseAddr("192.0.2.1")
	let := 0
	for i := range uint64(addresses) {
		address := binary.BigEndian.AppendUint64([]byte("2001:db8"), i)
		if wait, _ := b.take(netip.AddrFrom16([16]byte(address))); wait > 0 {
			t.Fatalf("address %d was refused its first request", i)
		}
		if i%100 == 0 {
			if wait, _ := b.take(flooder); wait == 0 {
				let++
			}
		}
	}
	if let > 100 {
		t.Errorf("%d of its 4,000 requests were let through, want 50, or a few more if it was once forgotten", let)
	}
	if grown := heap() - before; grown > bound {
		t.Errorf("%d MiB for them", grown>>20)
	}
	goruntime.KeepAlive(b)
}
