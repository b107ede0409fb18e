package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// representation is the bytes of an answer and what HTTP says about them: their
// type, a strong validator of each encoding (RFC 9110, section 8.8.3), and the
// compressed form. It is immutable and safe for concurrent use.
type representation struct {
	contentType string
	body        []byte
	tag         string // without quotes
	// zipped is nil for a body too small to gain anything.
	zipped func() []byte
}

// leastCompressed is the size in bytes above which a body is compressed for
// clients that accept it: below, it fits the first packets anyway.
const leastCompressed = 1 << 10

func newRepresentation(contentType string, body []byte) *representation {
	sum := sha256.Sum256(body)
	p := &representation{contentType: contentType, body: body, tag: hex.EncodeToString(sum[:16])}
	if len(body) > leastCompressed {
		p.zipped = sync.OnceValue(func() []byte { return compress(body) })
	}
	return p
}

// serve writes the representation in the encoding the client prefers, or 304
// when the client already has that. A HEAD gets the same headers.
func (p *representation) serve(w http.ResponseWriter, r *http.Request, policy cachePolicy) {
	h := w.Header()
	h.Set("Cache-Control", string(policy))
	h.Add("Vary", "Accept-Encoding")
	zip := p.zipped != nil && acceptsGzip(r.Header.Values("Accept-Encoding"))
	tag := `"` + p.tag + `"`
	if zip {
		tag = `"` + p.tag + `-gzip"`
	}
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := p.body
	if zip {
		body = p.zipped()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", p.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone; nothing is lost
	}
}

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
	return z
}}

func compress(body []byte) []byte {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	var out bytes.Buffer
	z.Reset(&out)
	_, _ = z.Write(body) // a buffer never fails
	_ = z.Close()
	return out.Bytes()
}

// acceptsGzip reads Accept-Encoding: gzip, or * where gzip is not named, unless
// with weight 0.
func acceptsGzip(headers []string) bool {
	any := false
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip":
			return wanted(params)
		case "*":
			any = wanted(params)
		}
	}
	return any
}

// wanted tells whether the parameters of a coding give it a weight above 0.
func wanted(params string) bool {
	q, has := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
	if !has {
		return true
	}
	weight, err := strconv.ParseFloat(q, 64)
	return err == nil && weight > 0
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
