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

// cachePolicy is the Cache-Control of an anonymous answer. The bounds are the
// contract's: a lookup and an empty answer are at most 1 s behind, a search 10 s,
// the time it may be served while it is refreshed included.
type cachePolicy string

const (
	cacheLookup cachePolicy = "public, max-age=0, s-maxage=1, stale-while-revalidate=0"
	cacheSearch cachePolicy = "public, max-age=2, stale-while-revalidate=8"
	cacheEmpty  cachePolicy = "public, max-age=1, stale-while-revalidate=0"
	cacheStatic cachePolicy = "public, max-age=60"
)

// cacheList is the policy of a page of movies.
func cacheList(r *search.Result) cachePolicy {
	if len(r.Items) == 0 {
		return cacheEmpty
	}
	return cacheSearch
}

// answer writes v as JSON, or 304 when the client already has it.
func (s *server) answer(w http.ResponseWriter, r *http.Request, v any, policy cachePolicy) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	newRepresentation("application/json", append(body, '\n')).serve(w, r, policy)
	return nil
}

// untimed is how the JSON of an answer ends whose time is not filled in yet.
const untimed = `"took_ms":0}`

// answerTimed answers like answer, and tells how long the answer took since
// started. A strong ETag is of the bytes, and the time is among them: so an
// answer that is the same but for its time is served as it was made first, with
// the time it took then, and a client that has it gets a 304. The answer itself is
// always a new one; only its rendering is kept.
func (s *server) answerTimed(w http.ResponseWriter, r *http.Request, v any, started time.Time, policy cachePolicy) error {
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
	p.serve(w, r, policy)
	return nil
}

// mostRendered bounds the bytes of renderings that are kept.
const mostRendered = 32 << 20

type renderings = otter.Cache[[sha256.Size]byte, *representation]

func newRenderings() (*renderings, error) {
	return otter.New(&otter.Options[[sha256.Size]byte, *representation]{
		MaximumWeight: mostRendered,
		Weigher: func(_ [sha256.Size]byte, p *representation) uint32 {
			return uint32(2*len(p.body) + 512) // the compressed form, and what surrounds it
		},
	})
}
