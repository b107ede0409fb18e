package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/maypok86/otter/v2"

	"movies/search"
)

// cachePolicy is how long an answer may be kept: by us, and by whoever else is on
// the way to the reader, in Cache-Control. The bounds are the contract's, counted
// over all caches from the moment whose state the answer shows, which Age tells: a
// lookup and an answer in want of a better one are at most 1 s behind, a search
// 10 s, the time it may be served while it is refreshed included.
type cachePolicy struct {
	// header is the value of Cache-Control.
	header []string
	// fresh is the age from which we renew it, usable the one up to which we give it
	// out; 0 for what is not kept by address.
	fresh, usable time.Duration
}

var (
	cacheLookup = &cachePolicy{[]string{"public, max-age=0, s-maxage=1, stale-while-revalidate=0"}, 500 * time.Millisecond, time.Second}
	cacheSearch = &cachePolicy{[]string{"public, max-age=2, s-maxage=5, stale-while-revalidate=5"}, 2 * time.Second, 10 * time.Second}
	cacheEmpty  = &cachePolicy{[]string{"public, max-age=1, stale-while-revalidate=0"}, 500 * time.Millisecond, time.Second}
	cacheStatic = &cachePolicy{header: []string{"public, max-age=60"}}
	// cachePrivate keeps an answer for one person out of all caches.
	cachePrivate = &cachePolicy{header: []string{"private, no-store"}}
)

// cacheList is the policy of a page of movies.
func cacheList(r *search.Result) *cachePolicy {
	if r.Found() {
		return cacheSearch
	}
	return cacheEmpty
}

// answer writes v as JSON, or 304 when the client already has it.
func (s *server) answer(w http.ResponseWriter, r *http.Request, v any, policy *cachePolicy) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.publish(w, r, s.rendered("application/json", append(body, '\n')), policy)
	return nil
}

// untimed is how the JSON of an answer ends whose time is not filled in yet.
const untimed = `"took_ms":0}`

// answerTimed answers like answer, and tells how long the answer took since
// started. A strong ETag is of the bytes, and the time is among them: so an
// answer that is the same but for its time is served as it was made first, with
// the time it took then, and a client that has it gets a 304. The answer itself is
// always a new one; only its rendering is kept.
func (s *server) answerTimed(w http.ResponseWriter, r *http.Request, v any, started time.Time, policy *cachePolicy) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	head, ok := bytes.CutSuffix(body, []byte(untimed))
	if !ok {
		return fmt.Errorf("answer of %T does not end in %s", v, untimed)
	}
	key := sha256.Sum256(body)
	p, ok := s.renderings.GetIfPresent(key)
	if !ok {
		p = newRepresentation("application/json", fmt.Appendf(head, `"took_ms":%d}`+"\n", time.Since(started).Milliseconds()))
		p, _ = s.renderings.SetIfAbsent(key, p)
	}
	s.publish(w, r, p, policy)
	return nil
}

// rendered is the representation of a body, the one that is kept where it is: with
// its compressed forms.
func (s *server) rendered(contentType string, body []byte) *representation {
	key := sha256.Sum256(append([]byte(contentType), body...))
	if p, ok := s.renderings.GetIfPresent(key); ok {
		return p
	}
	p, _ := s.renderings.SetIfAbsent(key, newRepresentation(contentType, body))
	return p
}

// mostRendered bounds the bytes of renderings that are kept.
const mostRendered = 32 << 20

type renderings = otter.Cache[[sha256.Size]byte, *representation]

func newRenderings() (*renderings, error) {
	return otter.New(&otter.Options[[sha256.Size]byte, *representation]{
		MaximumWeight: mostRendered,
		Weigher: func(_ [sha256.Size]byte, p *representation) uint32 {
			return uint32(2*len(p.identity.body) + 512) // the compressed form, and what surrounds it
		},
	})
}
