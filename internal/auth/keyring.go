package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"movies/internal/auth/token"
)

// keyring has the signing keys in memory and keeps them as the schedule says. It
// reads them again more often than a key is published ahead, so that all
// processes know a key before one of them signs with it.
type keyring struct {
	store    KeyStore
	schedule token.Schedule
	seal     sealer
	now      func() time.Time
	log      *slog.Logger
	current  atomic.Pointer[token.Ring]
}

// The rhythm of Run.
const (
	keyInterval = time.Minute
	keyRetry    = time.Second
)

// Run keeps keys current, sweeps what has expired and announces ended sessions,
// until the context ends. While the store or Kafka is down it tries again every
// second.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	if s.Announcer != nil {
		all.Go(func() { s.announce(ctx) })
	}
	failing := false
	for {
		wait := keyInterval
		err := s.keys.update(ctx)
		if err == nil {
			err = s.Store.Sweep(ctx, s.bounds())
		}
		if err != nil {
			wait = keyRetry
			if !failing && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "the auth database cannot be used; trying again", "error", err)
			}
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// update reads the keys, makes a new one when it is time, and drops spent ones.
func (k *keyring) update(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ring, newest, err := k.load(ctx)
	if err != nil {
		return err
	}
	now := k.now()
	if ring.Due(k.schedule, now) {
		if err := k.add(ctx, now, newest); err != nil {
			return err
		}
		if ring, _, err = k.load(ctx); err != nil {
			return err
		}
	}
	for _, key := range ring {
		if ring.Spent(key, k.schedule, now) {
			if err := k.store.DeleteKey(ctx, key.ID); err != nil {
				return err
			}
		}
	}
	k.current.Store(&ring)
	return nil
}

// load opens the stored keys.
func (k *keyring) load(ctx context.Context) (ring token.Ring, newest time.Time, err error) {
	stored, err := k.store.Keys(ctx)
	if err != nil {
		return nil, newest, err
	}
	for _, s := range stored {
		newest = s.Created
		plain, err := k.seal.open(s.Sealed, s.ID)
		if err != nil {
			if err := k.dropForeign(ctx, s); err != nil {
				return nil, newest, err
			}
			continue
		}
		key, err := token.ParseKey(s.ID, s.Created, plain)
		if err != nil {
			return nil, newest, err
		}
		ring = append(ring, key)
	}
	return ring, newest, nil
}

// dropForeign removes a key that was sealed with another client secret, once
// processes that may still have that secret must have replaced it.
func (k *keyring) dropForeign(ctx context.Context, s SealedKey) error {
	if s.Created.Add(k.schedule.Every + k.schedule.Ahead + token.Life + 2*token.Leeway).After(k.now()) {
		return nil
	}
	k.log.InfoContext(ctx, "a signing key of another client secret is removed", "key", s.ID)
	return k.store.DeleteKey(ctx, s.ID)
}

func (k *keyring) add(ctx context.Context, now, newest time.Time) error {
	key, err := token.NewKey(now)
	if err != nil {
		return err
	}
	plain, err := key.Bytes()
	if err != nil {
		return err
	}
	k.log.InfoContext(ctx, "new signing key", "key", key.ID)
	return k.store.AddKey(ctx, SealedKey{ID: key.ID, Created: now, Sealed: k.seal.close(plain, key.ID)}, newest)
}

func (k *keyring) ring() token.Ring {
	if r := k.current.Load(); r != nil {
		return *r
	}
	return nil
}

// ready tells whether there is a key and the store answers.
func (k *keyring) ready(ctx context.Context) error {
	if len(k.ring()) == 0 {
		return token.ErrNoKey
	}
	_, err := k.store.Keys(ctx)
	return err
}

// sealer encrypts what is stored, with a key derived from the client secret: who
// has the database alone cannot sign. A new client secret makes new signing keys
// necessary, and the next update makes them.
type sealer struct{ aead cipher.AEAD }

func newSealer(clientSecret string) (sealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(clientSecret), nil, "movies auth: seal signing keys", 32)
	if err != nil {
		return sealer{}, fmt.Errorf("auth: derive the sealing key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) close(plain []byte, id string) []byte {
	return s.aead.Seal(nil, nil, plain, []byte(id))
}

func (s sealer) open(sealed []byte, id string) ([]byte, error) {
	if len(sealed) < s.aead.Overhead() {
		return nil, errors.New("too short")
	}
	return s.aead.Open(nil, nil, sealed, []byte(id))
}
