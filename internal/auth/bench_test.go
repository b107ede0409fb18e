//go:build bench

package auth_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBenchLogins measures whole sign-ins, the provider's part included, and
// refreshes of one auth process.
func TestBenchLogins(t *testing.T) {
	w := newWorld(t, false)
	perSecond := func(prepare func(*browser), step func(*browser) bool) float64 {
		var done atomic.Int64
		var all sync.WaitGroup
		browsers := make([]*browser, 4)
		for i := range browsers {
			browsers[i] = w.newBrowser(t)
			prepare(browsers[i])
		}
		begin := time.Now()
		for _, b := range browsers {
			all.Go(func() {
				for time.Since(begin) < 3*time.Second {
					if !step(b) {
						t.Error("a step failed")
						return
					}
					done.Add(1)
				}
			})
		}
		all.Wait()
		return float64(done.Load()) / time.Since(begin).Seconds()
	}
	signIn := func(b *browser) bool { return b.signIn("/", "demo-user", "user").StatusCode == http.StatusOK }
	fmt.Printf("logins ours=%.0f/s\n", perSecond(func(*browser) {}, signIn))
	fmt.Printf("refreshes ours=%.0f/s\n", perSecond(func(b *browser) { signIn(b) }, func(b *browser) bool {
		return b.do(http.MethodPost, "/auth/refresh").StatusCode == http.StatusOK
	}))
}
