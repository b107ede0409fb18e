package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"time"
)

// Store keeps what must outlive the process. Errors are of the kinds of package
// movie: ErrNotFound, ErrUnavailable. Implementations are safe for concurrent use
// by several processes.
type Store interface {
	LoginStore
	SessionStore
	AccountStore
	RevocationStore
	KeyStore
}

// LoginStore keeps sign-ins that are under way.
type LoginStore interface {
	SaveLogin(ctx context.Context, l Login) error
	// TakeLogin returns a sign-in that has not expired, once: a state that is used
	// again is ErrNotFound.
	TakeLogin(ctx context.Context, state Hash, now time.Time) (Login, error)
}

// MaxSessions bounds where one person may be signed in at once.
const MaxSessions = 50

// SessionStore keeps sessions by the hashes of their secrets.
type SessionStore interface {
	// CreateSession ends the person's least used sessions above MaxSessions.
	CreateSession(ctx context.Context, s Session, secret Hash) error
	// FindSession returns the live session with that current secret.
	FindSession(ctx context.Context, secret Hash, b Bounds) (Session, error)
	// RotateSession replaces the current secret by next and counts as use. A
	// secret spent within b.Grace gives ErrSpentNow and the session as it is. One
	// spent earlier is stolen: it ends the session and gives ErrReused.
	RotateSession(ctx context.Context, secret, next Hash, b Bounds) (Session, error)
	// DescribeSession stores what the provider says now of the person with the
	// session of that ID, if it is still there.
	DescribeSession(ctx context.Context, s Session) error
}

// AccountStore is for the owner's and the provider's view of sessions.
type AccountStore interface {
	// ListSessions returns a person's live sessions, the last used first.
	ListSessions(ctx context.Context, subject string, b Bounds) ([]Session, error)
	// EndSessions removes the sessions that match, and returns how many. They are
	// in RevocationStore from then on.
	EndSessions(ctx context.Context, which Which, now time.Time) (int, error)
}

// KeyStore keeps sealed signing keys.
type KeyStore interface {
	Keys(ctx context.Context) ([]SealedKey, error)
	// AddKey stores a key unless one newer than newest (the zero time: any) is
	// there: of several processes one makes the next key.
	AddKey(ctx context.Context, k SealedKey, newest time.Time) error
	DeleteKey(ctx context.Context, id string) error
	// Sweep removes what has expired.
	Sweep(ctx context.Context, b Bounds) error
}

// The outcomes of RotateSession beside success and ErrNotFound.
var (
	ErrSpentNow = errors.New("the secret was replaced a moment ago")
	ErrReused   = errors.New("a spent secret was used again")
)

// Hash is what is stored of a secret. Secrets have more than 128 random bits, so
// that a plain SHA-256 cannot be turned back, and looking one up by its hash
// gives nothing away by its time.
type Hash [sha256.Size]byte

func hashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// newSecret has 256 random bits.
func newSecret() string { return rand.Text() + rand.Text() }

// Login is a sign-in under way.
type Login struct {
	// State and Browser are the hashes of the state parameter and of the cookie
	// that ties it to one browser.
	State, Browser Hash
	// Nonce and Verifier (PKCE) are useless without the code, which only the
	// browser brings.
	Nonce, Verifier string
	// ReturnTo is a path of this service.
	ReturnTo string
	Expires  time.Time
}

// Session is somebody signed in with one browser.
type Session struct {
	// ID names the session to its owner; it opens nothing.
	ID                   string
	Subject, Name, Email string
	Roles                []string
	// ProviderSession is the provider's sid, IDToken the hint for signing out there.
	ProviderSession, IDToken string
	// ProviderRefresh is the provider's refresh token, sealed; empty where it gave
	// none. Confirmed is when the provider was last asked.
	ProviderRefresh []byte
	Confirmed       time.Time
	UserAgent       string
	// Created and Expires bound it absolutely; Used is the last refresh.
	Created, Used, Expires time.Time
}

// Bounds say what is live.
type Bounds struct {
	Now   time.Time
	Idle  time.Duration
	Grace time.Duration
}

// Which picks sessions: all that match every field that is set. Which{} matches
// none.
type Which struct {
	ID, Subject, ProviderSession string
	// Before leaves out sessions that began later.
	Before time.Time
}

// SealedKey is a signing key that only this service can open.
type SealedKey struct {
	ID      string
	Created time.Time
	Sealed  []byte
}
