package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Key signs tokens, with ES256.
type Key struct {
	ID      string
	Created time.Time
	private *ecdsa.PrivateKey
}

// NewKey makes a key at the given time.
func NewKey(now time.Time) (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return Key{ID: rand.Text(), Created: now, private: private}, err
}

// Bytes is the private key in PKCS #8 form: a secret.
func (k Key) Bytes() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }

// ParseKey reads what Bytes gave.
func ParseKey(id string, created time.Time, pkcs8 []byte) (Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return Key{}, fmt.Errorf("signing key %s: %w", id, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return Key{}, fmt.Errorf("signing key %s is no P-256 key", id)
	}
	return Key{ID: id, Created: created, private: private}, nil
}

func (k Key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: string(jose.ES256), Use: "sig"}
}

// Schedule is how keys take turns. A key is published Ahead before it signs, so
// that every verifier has fetched it by then; and it stays published until the
// last token that it signed has expired. So nobody is signed out by a rotation.
type Schedule struct {
	// Every is how long a key is the newest one.
	Every time.Duration
	// Ahead is longer than verifiers keep keys before they look again.
	Ahead time.Duration
}

// DefaultSchedule makes a key a day.
var DefaultSchedule = Schedule{Every: 24 * time.Hour, Ahead: 10 * time.Minute}

// Ring is the keys at one moment, oldest first. Its methods do not change it.
type Ring []Key

// ErrNoKey means that there is no key to sign with yet.
var ErrNoKey = errors.New("there is no signing key yet")

// Signing is the key that signs now: the newest that has been published long
// enough, or where there is none, the oldest.
func (r Ring) Signing(s Schedule, now time.Time) (Key, error) {
	for _, k := range slices.Backward(r) {
		if !k.Created.Add(s.Ahead).After(now) {
			return k, nil
		}
	}
	if len(r) == 0 {
		return Key{}, ErrNoKey
	}
	return r[0], nil
}

// Due tells whether it is time for a new key.
func (r Ring) Due(s Schedule, now time.Time) bool {
	return len(r) == 0 || !r[len(r)-1].Created.Add(s.Every).After(now)
}

// Spent tells whether nothing that the key signed can still be valid: one that
// came after it has been signing for longer than a token lives.
func (r Ring) Spent(k Key, s Schedule, now time.Time) bool {
	return slices.ContainsFunc(r, func(next Key) bool {
		return next.Created.After(k.Created) && next.Created.Add(s.Ahead+Life+2*Leeway).Before(now)
	})
}

// Public is the set that verifiers fetch (RFC 7517).
func (r Ring) Public(s Schedule, now time.Time) jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range r {
		if !r.Spent(k, s, now) {
			set.Keys = append(set.Keys, k.public())
		}
	}
	return set
}
