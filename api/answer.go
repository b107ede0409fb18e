package api

import (
	"encoding/json"
	"net/http"
)

// cachePolicy is the Cache-Control of an anonymous answer. The bounds are the
// contract's: a lookup is at most 1 s behind, a search 10 s, the time it may be
// served while it is refreshed included.
type cachePolicy string

const (
	cacheLookup cachePolicy = "public, max-age=0, s-maxage=1, stale-while-revalidate=0"
	cacheSearch cachePolicy = "public, max-age=2, stale-while-revalidate=8"
	cacheStatic cachePolicy = "public, max-age=60"
)

// answer writes v as JSON, or 304 when the client already has it.
func (s *server) answer(w http.ResponseWriter, r *http.Request, v any, policy cachePolicy) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	newRepresentation("application/json", append(body, '\n')).serve(w, r, policy)
	return nil
}
