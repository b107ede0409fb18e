package opensearch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/mappings"
)

// fakeNode answers searches that find nothing and bulk requests without items.
type fakeNode struct {
	*httptest.Server
	asked atomic.Int64
	drop  atomic.Bool  // break the connection when the request has been read
	hang  atomic.Bool  // until the client gives up
	alone atomic.Int64 // answer so many times that there is no leader
}

func newFakeNode(t *testing.T) *fakeNode {
	n := new(fakeNode)
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet { // what indices there are, which is not counted
			n.asked.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if n.drop.Load() {
			panic(http.ErrAbortHandler)
		}
		if n.hang.Load() {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if n.alone.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error":{"type":"cluster_block_exception","reason":"no leader"},"status":503}`))
			return
		}
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprintf(w, `{"movies-v1":{"mappings":{"_meta":{"version":%d}}}}`, mappings.Version)
			return
		}
		_, _ = w.Write([]byte(`{"docs":[],"items":[]}`))
	}))
	t.Cleanup(n.Close)
	return n
}

func over(t *testing.T, addresses ...string) *Client {
	t.Helper()
	c, err := New(config.Search{URLs: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func read(ctx context.Context, c *Client) error {
	_, err := NewSearcher(c, "movies", time.Minute).get(ctx, []int64{1}, false)
	return err
}

// TestNodesWithoutLeader: one that is cut off draws no reads, though it answers at
// once; where all elect a leader, reads wait for it, within their time.
func TestNodesWithoutLeader(t *testing.T) {
	t.Parallel()
	good, cutOff := newFakeNode(t), newFakeNode(t)
	cutOff.alone.Store(1 << 40)
	c := over(t, cutOff.URL, good.URL)
	for range 300 {
		if err := read(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if asked := cutOff.asked.Load(); asked > 20 {
		t.Errorf("the node that is cut off was asked %d times", asked)
	}
	good.alone.Store(3)
	if err := read(t.Context(), c); err != nil || good.alone.Load() >= 0 {
		t.Errorf("while a leader is elected: %v", err)
	}
	good.alone.Store(1 << 40)
	began := time.Now()
	_, err := NewSearcher(c, "movies", 200*time.Millisecond).get(t.Context(), []int64{1}, false)
	if !errors.Is(err, movie.ErrUnavailable) || time.Since(began) > 10*time.Second {
		t.Errorf("without a leader: %v after %s", err, time.Since(began))
	}
}

// TestNodesThatFailAreNotNoticed: whether a node refuses connections or breaks
// them, every read is answered by another one, and the node is soon left alone.
func TestNodesThatFailAreNotNoticed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	good, breaking := newFakeNode(t), newFakeNode(t)
	breaking.drop.Store(true)
	c := over(t, "http://"+closed, breaking.URL, good.URL)
	for range 300 {
		if err := read(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if asked := breaking.asked.Load(); asked > 20 {
		t.Errorf("the node that breaks connections was asked %d times", asked)
	}
}

// TestWritesAreNotRepeated once they may have been done.
func TestWritesAreNotRepeated(t *testing.T) {
	t.Parallel()
	a, b := newFakeNode(t), newFakeNode(t)
	a.drop.Store(true)
	b.drop.Store(true)
	c := over(t, a.URL, b.URL)
	if err := c.send(t.Context(), http.MethodPost, "/movies/_bulk", nil, "application/x-ndjson", []byte("{}\n"), nil); err == nil {
		t.Error("nobody answered, and there is no error")
	}
	if asked := a.asked.Load() + b.asked.Load(); asked != 1 {
		t.Errorf("sent %d times", asked)
	}
}

// TestCallersWhoLeaveRestNoNode: a hundred of them change nothing for the others.
func TestCallersWhoLeaveRestNoNode(t *testing.T) {
	t.Parallel()
	a, b := newFakeNode(t), newFakeNode(t)
	c := over(t, a.URL, b.URL)
	a.hang.Store(true)
	b.hang.Store(true)
	for range 100 {
		ctx, leave := context.WithCancel(t.Context())
		go leave()
		_ = read(ctx, c)
	}
	a.hang.Store(false)
	b.hang.Store(false)
	before := a.asked.Load()
	for range 200 {
		if err := read(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if share := a.asked.Load() - before; share < 50 || share > 150 {
		t.Errorf("of 200 reads one of two nodes got %d", share)
	}
}

// TestAFrozenNodeHoldsFewUp: a node that takes requests and never answers fails
// those it has; once they gave up it is left alone, and tried again with one.
func TestAFrozenNodeHoldsFewUp(t *testing.T) {
	t.Parallel()
	good, frozen := newFakeNode(t), newFakeNode(t)
	frozen.hang.Store(true)
	c := over(t, good.URL, frozen.URL)
	var failed atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
				if read(ctx, c) != nil {
					failed.Add(1)
				}
				cancel()
			}
		})
	}
	clients.Wait()
	if failed.Load() > 24 {
		t.Errorf("%d of 800 reads failed", failed.Load())
	}
	frozen.hang.Store(false)
	before := frozen.asked.Load()
	for deadline := time.Now().Add(20 * time.Second); frozen.asked.Load()-before < 20; <-time.After(time.Millisecond) {
		if err := read(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("the node answers again and was asked %d times", frozen.asked.Load()-before)
		}
	}
}
