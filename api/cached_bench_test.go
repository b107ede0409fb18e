//go:build bench

package api_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"testing"
	"time"

	"movies/search"
)

// TestBenchCachedReads measures reads that are answered from the cache beside a bare
// net/http handler that writes the same bytes and headers, in alternating rounds of
// one run, over kept-alive connections, without limits. PROFILE names a folder for a profile of it.
func TestBenchCachedReads(t *testing.T) {
	d := &dated{made: time.Now()}
	ours := newHandler(t, d)
	for name, address := range map[string]string{"cached-lookup": "/v1/movies/1", "cached-search": "/v1/movies?q=alien"} {
		first := askHandler(ours, http.MethodGet, address)
		body, header := first.Body.Bytes(), first.Header()
		bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			for name, values := range header {
				h[name] = values
			}
			_, _ = w.Write(body)
		})
		us, them := listen(t, ours), listen(t, bare)
		var ratios, mine, reference []float64
		for round := range 8 {
			theirs := requestsPerSecond(t, them, address)
			stop := profiled(t, name, round)
			my := requestsPerSecond(t, us, address)
			stop()
			if round > 0 { // the first one warms up
				mine, reference, ratios = append(mine, my), append(reference, theirs), append(ratios, my/theirs)
			}
		}
		for _, v := range [][]float64{mine, reference, ratios} {
			slices.Sort(v)
		}
		fmt.Printf("%s ours=%.0f/s reference=%.0f/s ratio=%.2f\n", name, mine[3], reference[3], ratios[3])
	}
}

var _ search.Searcher = (*dated)(nil)

// profiled records one round's processor profile where PROFILE asks for it.
func profiled(t *testing.T, name string, round int) (stop func()) {
	folder := os.Getenv("PROFILE")
	if folder == "" || round != 4 {
		return func() {}
	}
	f, err := os.Create(filepath.Join(folder, name+".cpu"))
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		t.Fatal(err)
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }
}

func listen(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// requestsPerSecond asks as fast as it goes over eight connections, with a client
// that costs next to nothing: it writes the request and reads so many bytes.
func requestsPerSecond(t *testing.T, address, path string) float64 {
	t.Helper()
	const connections, d = 8, time.Second
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: movies\r\nX-Request-Id: 0123456789abcdef\r\n\r\n")
	var all sync.WaitGroup
	counts := make([]int, connections)
	begin := time.Now()
	for i := range connections {
		all.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			buffer := make([]byte, 64<<10)
			size := 0
			for time.Since(begin) < d {
				if _, err := c.Write(request); err != nil {
					t.Error(err)
					return
				}
				if size == 0 {
					size = measure(t, c, buffer)
				} else if _, err := io.ReadFull(c, buffer[:size]); err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(begin).Seconds()
}

// measure reads one answer of unknown size: all that comes within a moment.
func measure(t *testing.T, c net.Conn, buffer []byte) (size int) {
	t.Helper()
	for {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.Read(buffer[size:])
		size += n
		if err != nil {
			_ = c.SetReadDeadline(time.Time{})
			return size
		}
	}
}
