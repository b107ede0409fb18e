package token_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/auth/identity"
	"movies/internal/auth/token"
)

const issuer = "https://movies.test"

var (
	now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	who = identity.Identity{Subject: "u1", Name: "Uma", Roles: []string{"user", "editor"}, Session: "s1", Expires: now.Add(time.Hour)}
)

func newKey(t testing.TB, at time.Time) token.Key {
	t.Helper()
	k, err := token.NewKey(at)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var errUnknownKey = errors.New("unknown key")

func keysOf(r token.Ring) token.FindKey {
	set := r.Public(token.DefaultSchedule, now)
	return func(id string) (*jose.JSONWebKey, error) {
		if found := set.Key(id); len(found) == 1 {
			return &found[0], nil
		}
		return nil, errUnknownKey
	}
}

func TestATokenComesBackAsWhoItWasMintedFor(t *testing.T) {
	k := newKey(t, now)
	raw, expires, err := token.Mint(k, issuer, who, now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := token.Verify(raw, issuer, keysOf(token.Ring{k}), now.Add(token.Life))
	if err != nil {
		t.Fatal(err)
	}
	want := who
	want.Expires = now.Add(token.Life)
	if !got.Expires.Equal(want.Expires) || !expires.Equal(want.Expires) {
		t.Errorf("expires %v and %v, want %v", got.Expires, expires, want.Expires)
	}
	got.Expires = want.Expires
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATokenEndsWithItsSession(t *testing.T) {
	k, short := newKey(t, now), who
	short.Expires = now.Add(time.Minute)
	if _, expires, err := token.Mint(k, issuer, short, now); err != nil || !expires.Equal(short.Expires) {
		t.Errorf("got %v, %v; want %v", expires, err, short.Expires)
	}
}

// sign makes a token that differs from a good one in what the caller changes.
func sign(t *testing.T, key jose.SigningKey, kind string, change func(map[string]any)) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		t.Fatal(err)
	}
	c := map[string]any{"iss": issuer, "aud": "movies-api", "sub": "u1", "sid": "s1", "roles": []string{"user"},
		"iat": now.Unix(), "exp": now.Add(token.Life).Unix()}
	if change != nil {
		change(c)
	}
	raw, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestForgedTokensAreRefused(t *testing.T) {
	k, other := newKey(t, now), newKey(t, now)
	pkcs8, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.(*ecdsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	good := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: k.ID}}
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	if _, err := token.Verify(sign(t, good, "at+jwt", nil), issuer, keysOf(token.Ring{k}), now); err != nil {
		t.Fatalf("the token that the others are derived from is refused: %v", err)
	}
	otherRaw, _, err := token.Mint(other, issuer, who, now)
	if err != nil {
		t.Fatal(err)
	}
	whole := sign(t, good, "at+jwt", nil)
	parts := strings.Split(whole, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+k.ID+`"}`)) + "." + parts[1] + "."
	editor := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + issuer + `","aud":"movies-api","sub":"u1","sid":"s1","roles":["editor"],"iat":1767323045,"exp":1767323345}`))
	for name, raw := range map[string]string{
		"another key":             otherRaw,
		"algorithm none":          none,
		"signature left out":      parts[0] + "." + parts[1] + ".",
		"claims exchanged":        parts[0] + "." + editor + "." + parts[2],
		"HMAC with public key":    sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: k.ID}}, "at+jwt", nil),
		"an id token's type":      sign(t, good, "JWT", nil),
		"wrong issuer":            sign(t, good, "at+jwt", set("iss", "https://evil.test")),
		"wrong audience":          sign(t, good, "at+jwt", set("aud", "another-api")),
		"no audience":             sign(t, good, "at+jwt", set("aud", nil)),
		"expired":                 sign(t, good, "at+jwt", set("exp", now.Add(-token.Leeway-time.Second).Unix())),
		"no expiry":               sign(t, good, "at+jwt", set("exp", nil)),
		"issued in the future":    sign(t, good, "at+jwt", set("iat", now.Add(time.Minute).Unix())),
		"not valid yet":           sign(t, good, "at+jwt", set("nbf", now.Add(time.Minute).Unix())),
		"no subject":              sign(t, good, "at+jwt", set("sub", nil)),
		"no session":              sign(t, good, "at+jwt", set("sid", nil)),
		"not a token":             "x.y.z",
		"empty":                   "",
		"roles of the wrong type": sign(t, good, "at+jwt", set("roles", "editor")),
	} {
		if got, err := token.Verify(raw, issuer, keysOf(token.Ring{k}), now); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

func TestUnknownKeysAreToldApart(t *testing.T) {
	raw, _, err := token.Mint(newKey(t, now), issuer, who, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.Verify(raw, issuer, keysOf(nil), now); !errors.Is(err, errUnknownKey) {
		t.Errorf("got %v, want the error of the key's finder", err)
	}
}

// However rotations and fetches fall, a token is verifiable for all of its life
// with the keys that a verifier fetched no longer ago than Ahead.
func TestRotationSignsNobodyOut(t *testing.T) {
	s := token.Schedule{Every: time.Hour, Ahead: 10 * time.Minute}
	rapid.Check(t, func(rt *rapid.T) {
		at := now
		ring := token.Ring{newKey(t, at)}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(1, 100).Draw(rt, "minutes")) * time.Minute)
			if ring.Due(s, at) {
				ring = append(ring, newKey(t, at))
			}
			minted := at
			k, err := ring.Signing(s, minted)
			if err != nil {
				rt.Fatal(err)
			}
			if len(ring) > 1 && k.Created.After(minted.Add(-s.Ahead)) {
				rt.Fatal("a key signs before every verifier has it")
			}
			// Later the process may have rotated and dropped spent keys.
			used := minted.Add(token.Life + token.Leeway)
			later := slices.Clone(ring)
			if later.Due(s, used) {
				later = append(later, newKey(t, used))
			}
			if set := later.Public(s, used); len(set.Key(k.ID)) != 1 {
				rt.Fatal("a key is gone while its token lives")
			}
			ring = slices.DeleteFunc(slices.Clone(ring), func(k token.Key) bool { return ring.Spent(k, s, at) })
		}
		if len(ring) > 3 {
			rt.Fatalf("%d keys are kept", len(ring))
		}
	})
}

func TestKeysSurviveStorage(t *testing.T) {
	k := newKey(t, now)
	b, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	back, err := token.ParseKey(k.ID, k.Created, b)
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := token.Mint(back, issuer, who, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.Verify(raw, issuer, keysOf(token.Ring{k}), now); err != nil {
		t.Error(err)
	}
}
