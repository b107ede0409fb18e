package api

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

// cachePolicy is the Cache-Control of an anonymous answer. The bounds are the
// contract's: a lookup is at most 1 s behind, a search 10 s, the time it may be
// served while it is refreshed included.
type cachePolicy string

const (
	cacheLookup cachePolicy = "public, max-age=0, s-maxage=1, stale-while-revalidate=0"
	cacheSearch cachePolicy = "public, max-age=2, stale-while-revalidate=8"
)

// answer writes v as JSON with a strong ETag of its bytes, or 304 when the
// client already has them.
func (s *server) answer(w http.ResponseWriter, r *http.Request, v any, policy cachePolicy) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	body = append(body, '\n')
	h := w.Header()
	tag := entityTag(body)
	h.Set("ETag", tag)
	h.Set("Cache-Control", string(policy))
	h.Set("Vary", "Accept-Encoding")
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone; nothing is lost
	}
	return nil
}

// entityTag is a strong validator (RFC 9110, section 8.8.3) of the bytes.
func entityTag(body []byte) string {
	sum := fnv.New128a()
	_, _ = sum.Write(body) // a hash never fails
	const hex = "0123456789abcdef"
	tag := make([]byte, 0, 34)
	tag = append(tag, '"')
	for _, b := range sum.Sum(nil) {
		tag = append(tag, hex[b>>4], hex[b&15])
	}
	return string(append(tag, '"'))
}

// matches implements If-None-Match: any of the listed tags, compared weakly, or *.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}
