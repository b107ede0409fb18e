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
	"github.com/klauspost/compress/zstd"
)

// representation is the bytes of an answer and what HTTP says about them: their
// type, and for each encoding the bytes and a strong validator (RFC 9110, section
// 8.8.3). All of it is made once, header values included, so that writing it
// again costs nothing but the writing. It is immutable and safe for concurrent use.
type representation struct {
	contentType []string
	identity    *variant
	// gzip and zstd make their variant when it is first wanted; nil for a body too
	// small to gain anything.
	gzip, zstd func() *variant
}

// variant is a representation in one encoding. Its header values are shared by
// all answers; whoever adds to one makes a new list.
type variant struct {
	body                     []byte
	coding, etag, sizeHeader []string
}

// leastCompressed is the size in bytes above which a body is compressed for
// clients that accept it: below, it fits the first packets anyway.
const leastCompressed = 1 << 10

func newRepresentation(contentType string, body []byte) *representation {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:16])
	p := &representation{contentType: []string{contentType}, identity: newVariant(body, "", tag)}
	if len(body) > leastCompressed {
		p.gzip = sync.OnceValue(func() *variant { return newVariant(zip(body), "gzip", tag) })
		p.zstd = sync.OnceValue(func() *variant { return newVariant(zstandard.EncodeAll(body, nil), "zstd", tag) })
	}
	return p
}

func newVariant(body []byte, coding, tag string) *variant {
	v := &variant{body: body, sizeHeader: []string{strconv.Itoa(len(body))}}
	if coding != "" {
		v.coding = []string{coding}
		tag += "-" + coding
	}
	v.etag = []string{`"` + tag + `"`}
	return v
}

var varyEncoding = []string{"Accept-Encoding"}

// serve writes the representation in the encoding the client prefers, or 304
// when the client already has that, and tells which. A HEAD gets the same headers.
func (p *representation) serve(w http.ResponseWriter, r *http.Request, policy *cachePolicy) (status int) {
	h := w.Header()
	h["Cache-Control"] = policy.header
	if others := h["Vary"]; others == nil {
		h["Vary"] = varyEncoding
	} else {
		h["Vary"] = append(others[:len(others):len(others)], varyEncoding...)
	}
	v := p.variant(r.Header["Accept-Encoding"])
	h["Etag"] = v.etag
	if matches(r.Header["If-None-Match"], v.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	h["Content-Type"] = p.contentType
	h["Content-Length"] = v.sizeHeader
	if v.coding != nil {
		h["Content-Encoding"] = v.coding
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(v.body) // the client may be gone; nothing is lost
	}
	return http.StatusOK
}

// variant is the encoding that the client likes best: zstd where it is named and
// no less welcome than gzip, for it is quicker on both sides.
func (p *representation) variant(accept []string) *variant {
	if p.gzip == nil || len(accept) == 0 {
		return p.identity
	}
	zstd, gzip := preferences(accept)
	switch {
	case zstd > 0 && zstd >= gzip:
		return p.zstd()
	case gzip > 0:
		return p.gzip()
	}
	return p.identity
}

// preferences reads Accept-Encoding: the weights of zstd, where it is named, and
// of gzip, which * stands for where it is not named.
func preferences(headers []string) (zstd, gzip float64) {
	gzip, other := -1, 0.0
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			coding, params, _ := strings.Cut(part, ";")
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "zstd"):
				zstd = weight(params)
			case strings.EqualFold(coding, "gzip"):
				gzip = weight(params)
			case coding == "*":
				other = weight(params)
			}
		}
	}
	if gzip < 0 {
		gzip = other
	}
	return zstd, gzip
}

// weight is the q of a coding's parameters: 1 without, 0 for nonsense.
func weight(params string) float64 {
	name, q, has := strings.Cut(strings.TrimSpace(params), "=")
	if !has {
		return 1
	}
	w, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
	if err != nil || !strings.EqualFold(name, "q") || !(w >= 0 && w <= 1) {
		return 0
	}
	return w
}

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
	return z
}}

var zstandard, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2), // fails for bad options only
	zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))

func zip(body []byte) []byte {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	var out bytes.Buffer
	z.Reset(&out)
	_, _ = z.Write(body) // a buffer never fails
	_ = z.Close()
	return out.Bytes()
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
