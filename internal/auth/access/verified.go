package access

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"

	"movies/internal/auth/identity"
)

// verified remembers proofs whose signature was found good, by their hash: a
// client sends the same one with every request. It forgets them after
// fetchInterval, so that a key which its issuer has withdrawn is of no use for
// longer than without it, and never tells of one that has expired.
type verified struct {
	proofs *otter.Cache[[sha256.Size]byte, identity.Identity]
}

// mostVerified bounds the memory: some hundred bytes a proof.
const mostVerified = 50_000

func newVerified() verified {
	return verified{otter.Must(&otter.Options[[sha256.Size]byte, identity.Identity]{
		MaximumSize: mostVerified, ExpiryCalculator: otter.ExpiryWriting[[sha256.Size]byte, identity.Identity](fetchInterval)})}
}

// identity tells for whom a proof stands, verifying it unless it was lately.
func (v verified) identity(proof string, verify func() (identity.Identity, error)) (identity.Identity, error) {
	key := sha256.Sum256([]byte(proof))
	if who, ok := v.proofs.GetIfPresent(key); ok && who.Expires.After(time.Now()) {
		return who, nil
	}
	who, err := verify()
	if err == nil {
		v.proofs.Set(key, who)
	}
	return who, err
}
