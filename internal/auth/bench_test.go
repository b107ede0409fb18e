//go:build bench

package auth_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"movies/internal/auth/demoprovider"
)

// TestBenchLogins measures whole sign-ins at one auth process, the provider's part
// included, beside those at the least that can be called signing in: a handler of
// the two libraries that redirects, exchanges the code, verifies the id token and
// keeps nothing. The two take turns in one run. Refreshes have no such reference.
func TestBenchLogins(t *testing.T) {
	w, bare := newWorld(t, false), newBareWorld(t)
	signIn := func(b *browser) bool { return b.signIn("/", "demo-user", "user").StatusCode == http.StatusOK }
	var ours, reference, ratios []float64
	for range 5 {
		a, b := w.perSecond(t, nil, signIn), bare.perSecond(t, nil, signIn)
		ours, reference, ratios = append(ours, a), append(reference, b), append(ratios, a/b)
	}
	for _, v := range [][]float64{ours, reference, ratios} {
		slices.Sort(v)
	}
	fmt.Printf("logins ours=%.0f/s reference=%.0f/s ratio=%.2f\n", ours[2], reference[2], ratios[2])
	fmt.Printf("refreshes ours=%.0f/s\n", w.perSecond(t, signIn, func(b *browser) bool {
		return b.do(http.MethodPost, "/auth/refresh").StatusCode == http.StatusOK
	}))
}

// perSecond is how often four browsers together do a step.
func (w *world) perSecond(t *testing.T, prepare, step func(*browser) bool) float64 {
	t.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	browsers := make([]*browser, 4)
	for i := range browsers {
		browsers[i] = w.newBrowser(t)
		if prepare != nil && !prepare(browsers[i]) {
			t.Fatal("cannot be prepared")
		}
	}
	begin := time.Now()
	for _, b := range browsers {
		all.Go(func() {
			for time.Since(begin) < 1500*time.Millisecond {
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

// newBareWorld is the reference: a relying party without sessions.
func newBareWorld(t *testing.T) *world {
	t.Helper()
	front, back := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	t.Cleanup(front.Close)
	t.Cleanup(back.Close)
	w := &world{url: "http://" + front.Listener.Addr().String(), issuer: "http://" + back.Listener.Addr().String()}
	var err error
	w.provider, err = demoprovider.New(demoprovider.Options{Issuer: w.issuer, ClientID: "movies", ClientSecret: clientSecret,
		RedirectURIs: []string{w.url + "/auth/callback"}})
	if err != nil {
		t.Fatal(err)
	}
	back.Config.Handler = w.provider
	back.Start()
	found, err := oidc.NewProvider(t.Context(), w.issuer)
	if err != nil {
		t.Fatal(err)
	}
	client := oauth2.Config{ClientID: "movies", ClientSecret: clientSecret, Endpoint: found.Endpoint(), RedirectURL: w.url + "/auth/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
	verifier, pkce := found.Verifier(&oidc.Config{ClientID: "movies"}), oauth2.GenerateVerifier()
	mux := http.NewServeMux()
	mux.HandleFunc("/auth/login", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, client.AuthCodeURL(rand.Text(), oauth2.S256ChallengeOption(pkce)), http.StatusFound)
	})
	mux.HandleFunc("/auth/callback", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := client.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(pkce))
		if err == nil {
			raw, _ := tokens.Extra("id_token").(string)
			_, err = verifier.Verify(r.Context(), raw)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, "/", http.StatusFound)
	})
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	front.Config.Handler = mux
	front.Start()
	return w
}
