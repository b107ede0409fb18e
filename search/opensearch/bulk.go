package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"movies/internal/movie"
	"movies/internal/mutant"
)

// Bulk is a request to write many documents, encoded as it is built: every
// document is written once into one buffer, which is sent as it is and kept for
// the next request by Reset. The zero value is ready to use. Not safe for
// concurrent use.
type Bulk struct {
	body    []byte
	items   []bulkItem
	encoder *json.Encoder
}

// bulkItem is where one item's lines end in the body, and what its answer must
// name to be its answer.
type bulkItem struct {
	id       int64
	deletion bool
	end      int
}

// Index adds a document in its state at the version. It fails only if doc cannot
// be JSON; then nothing was added.
func (b *Bulk) Index(id int64, version movie.Version, doc any) error {
	start := len(b.body)
	b.action("index", id, version)
	if b.encoder == nil {
		b.encoder = json.NewEncoder((*bulkWriter)(b))
		b.encoder.SetEscapeHTML(false)
	}
	if err := b.encoder.Encode(doc); err != nil { // ends the line, too
		b.body = b.body[:start]
		return fmt.Errorf("document %d: %w", id, err)
	}
	b.items = append(b.items, bulkItem{id: id, end: len(b.body)})
	return nil
}

// Delete adds the removal of a document as of the version.
func (b *Bulk) Delete(id int64, version movie.Version) {
	b.action("delete", id, version)
	b.items = append(b.items, bulkItem{id: id, deletion: true, end: len(b.body)})
}

func (b *Bulk) action(name string, id int64, version movie.Version) {
	b.body = append(b.body, `{"`...)
	b.body = append(b.body, name...)
	b.body = append(b.body, `":{"_id":"`...)
	b.body = strconv.AppendInt(b.body, id, 10)
	if mutant.On(mutant.NoExternalVersion) {
		b.body = append(b.body, "\"}}\n"...)
		return
	}
	b.body = append(b.body, `","version_type":"external","version":`...)
	b.body = strconv.AppendInt(b.body, int64(version), 10)
	b.body = append(b.body, "}}\n"...)
}

// bulkWriter appends what the encoder writes to the body.
type bulkWriter Bulk

func (w *bulkWriter) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return len(p), nil
}

// Len is the number of items.
func (b *Bulk) Len() int { return len(b.items) }

// Size is the number of bytes of the request's body.
func (b *Bulk) Size() int { return len(b.body) }

// Bytes is the request's body as it is sent; it is valid until the next change.
func (b *Bulk) Bytes() []byte { return b.body }

// Reset empties the request and keeps its memory.
func (b *Bulk) Reset() { b.body, b.items = b.body[:0], b.items[:0] }

// Keep drops the items for which keep is false; the order of the others stays.
// keep is called once for each index from 0 to Len()-1, in order.
func (b *Bulk) Keep(keep func(i int) bool) {
	body, items := b.body[:0], b.items[:0]
	start := 0
	for i, item := range b.items {
		end := item.end
		if keep(i) {
			body = append(body, b.body[start:end]...)
			item.end = len(body)
			items = append(items, item)
		}
		start = end
	}
	b.body, b.items = body, items
}

// Cut moves the second half of the items into a new request.
func (b *Bulk) Cut() *Bulk {
	half := len(b.items) / 2
	if half == 0 {
		return &Bulk{}
	}
	at := b.items[half-1].end
	rest := &Bulk{body: bytes.Clone(b.body[at:]), items: append([]bulkItem(nil), b.items[half:]...)}
	for i := range rest.items {
		rest.items[i].end -= at
	}
	b.body, b.items = b.body[:at], b.items[:half]
	return rest
}

// bulkParameters: only what is judged is answered, and the target must be an
// alias, so that a vanished index is an error and never made anew.
var bulkParameters = url.Values{
	"filter_path":   {"items.*._id,items.*.status,items.*.error,error,status"},
	"require_alias": {"true"},
	"timeout":       {"10s"}, // for a primary to be there
}

// Beat removes a document that is not there and returns when a search would show
// that: at the index's next refresh. One that is being filled has none; there it
// returns when the document is removed.
func (c *Client) Beat(ctx context.Context, index string, id int64, version movie.Version) error {
	const refreshInterval = "index.refresh_interval"
	interval, err := c.Setting(ctx, index, refreshInterval)
	if err != nil {
		return err
	}
	var b Bulk
	b.Delete(id, version)
	query := maps.Clone(bulkParameters)
	if !strings.HasPrefix(interval, "-") {
		query.Set("refresh", "wait_for")
	}
	var answer bulkAnswer
	if err := c.send(ctx, http.MethodPost, "/"+WriteAlias(index)+"/_bulk", query, "application/x-ndjson", b.body, &answer); err != nil {
		return err
	}
	if results, ok := answer.judge(b.items); !ok || results[0].Outcome != Done {
		return fmt.Errorf("heartbeat to %s: %+v", index, results)
	}
	return nil
}

// Bulk sends the request to the index by way of its WriteAlias and judges every
// item; results are in the order of the items, one for each, whatever happens. A
// failure of the whole request is the result of each item.
func (c *Client) Bulk(ctx context.Context, index string, b *Bulk) []Result {
	if b.Len() == 0 {
		return nil
	}
	path := "/" + WriteAlias(index) + "/_bulk"
	var answer bulkAnswer
	err := c.send(ctx, http.MethodPost, path, bulkParameters, "application/x-ndjson", b.body, &answer)
	if err == nil {
		if results, ok := answer.judge(b.items); ok {
			return results
		}
		err = fmt.Errorf("POST %s: the answer's %d items are not the request's %d", path, len(answer.Items), b.Len())
	}
	// The server may have answered before it had read everything, so the
	// transport may still be reading the old buffer.
	b.body = bytes.Clone(b.body)
	results := make([]Result, b.Len())
	for i := range results {
		results[i] = judgeRequest(err, b.Len())
	}
	return results
}
