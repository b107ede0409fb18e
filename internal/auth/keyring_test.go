package auth

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"movies/internal/auth/token"
)

// memoryKeys is a KeyStore for one process.
type memoryKeys struct{ keys []SealedKey }

func (m *memoryKeys) Keys(context.Context) ([]SealedKey, error) { return slices.Clone(m.keys), nil }

func (m *memoryKeys) AddKey(_ context.Context, k SealedKey, newest time.Time) error {
	if !slices.ContainsFunc(m.keys, func(k SealedKey) bool { return k.Created.After(newest) }) {
		m.keys = append(m.keys, k)
	}
	return nil
}

func (m *memoryKeys) DeleteKey(_ context.Context, id string) error {
	m.keys = slices.DeleteFunc(m.keys, func(k SealedKey) bool { return k.ID == id })
	return nil
}

func (m *memoryKeys) Sweep(context.Context, Bounds) error { return nil }

func newKeyring(t *testing.T, store KeyStore, secret string, now *time.Time) *keyring {
	t.Helper()
	seal, err := newSealer(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &keyring{store: store, schedule: token.DefaultSchedule, seal: seal, now: func() time.Time { return *now }, log: slog.New(slog.DiscardHandler)}
}

func (k *keyring) mustUpdate(t *testing.T) token.Ring {
	t.Helper()
	if err := k.update(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k.ring()
}

func TestKeysTakeTurnsInTheStore(t *testing.T) {
	store, now := &memoryKeys{}, time.Now()
	k := newKeyring(t, store, "secret", &now)
	first, err := k.mustUpdate(t).Signing(k.schedule, now)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * 24 * 60 {
		now = now.Add(time.Minute)
		if n := len(k.mustUpdate(t)); n > 2 {
			t.Fatalf("%d keys are kept", n)
		}
	}
	last, err := k.ring().Signing(k.schedule, now)
	if err != nil || last.ID == first.ID {
		t.Errorf("after three days the key is the same, %v", err)
	}
	if other := newKeyring(t, store, "secret", &now).mustUpdate(t); len(other) != len(k.ring()) || other[0].ID != k.ring()[0].ID {
		t.Error("another process has other keys")
	}
}

func TestKeysAreSealed(t *testing.T) {
	store, now := &memoryKeys{}, time.Now()
	k := newKeyring(t, store, "secret", &now)
	key := k.mustUpdate(t)[0]
	plain, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sealed := store.keys[0].Sealed
	if strings.Contains(string(sealed), string(plain)) || strings.Contains(string(sealed), string(plain[40:60])) {
		t.Error("the store shows the key")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := k.seal.open(sealed, key.ID); err == nil {
		t.Error("a changed key opens")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := k.seal.open(sealed, "another id"); err == nil {
		t.Error("a key opens under another id")
	}
	if _, err := k.seal.open([]byte("x"), key.ID); err == nil {
		t.Error("a short text opens")
	}
}

// A new client secret cannot open the old keys: it gets a new one at once.
func TestNewClientSecretMakesANewKey(t *testing.T) {
	store, now := &memoryKeys{}, time.Now()
	old := newKeyring(t, store, "old", &now).mustUpdate(t)[0]
	now = now.Add(time.Hour)
	k := newKeyring(t, store, "new", &now)
	if ring := k.mustUpdate(t); len(ring) != 1 || ring[0].ID == old.ID || len(store.keys) != 2 {
		t.Errorf("got %d keys of %d stored", len(ring), len(store.keys))
	}
	now = now.Add(24 * time.Hour)
	k.mustUpdate(t)
	if slices.ContainsFunc(store.keys, func(k SealedKey) bool { return k.ID == old.ID }) {
		t.Error("a key that nobody can open is kept for ever")
	}
}
