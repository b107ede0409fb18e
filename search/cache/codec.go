package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"

	"movies/search"
)

// A value in Redis is a byte of codecVersion, the time of the question in
// milliseconds since 1970 as a varint, and the answer as JSON compressed with
// zstd. The question's key names the kind of the answer. Another version's values
// have other names in Redis, so that releases side by side do not meet.
const codecVersion = 1

// mostDecoded bounds what a value may grow to: well above a page of the longest
// movies.
const mostDecoded = 64 << 20

var (
	compressor, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
	decompressor, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(mostDecoded))
)

func encode(e *entry) ([]byte, error) {
	body, err := jsonv2.Marshal(e.answer, jsonv2.FormatNilMapAsNull(true), jsonv2.FormatNilSliceAsNull(true), jsonv2.OmitZeroStructFields(true))
	if err != nil {
		return nil, fmt.Errorf("encode an answer: %w", err)
	}
	out := binary.AppendVarint([]byte{codecVersion}, e.asked.UnixMilli())
	return compressor.EncodeAll(body, out), nil
}

var errUnreadable = errors.New("not an answer of this version")

func decode(kind string, b []byte) (*entry, error) {
	if len(b) < 2 || b[0] != codecVersion {
		return nil, errUnreadable
	}
	at, n := binary.Varint(b[1:])
	if n <= 0 {
		return nil, errUnreadable
	}
	body, err := decompressor.DecodeAll(b[1+n:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	e := &entry{asked: time.UnixMilli(at)}
	switch kind {
	case kindSearch:
		e.answer, err = unmarshal[*search.Result](body)
	case kindSuggest:
		e.answer, err = unmarshal[*search.Suggestions](body)
	default:
		e.answer, err = unmarshal[[]search.Item](body)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return e, nil
}

func unmarshal[T any](body []byte) (T, error) {
	var v T
	err := jsonv2.Unmarshal(body, &v)
	return v, err
}
