package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"movies/internal/movie"
)

// Stored is a document as the index holds it.
type Stored struct {
	// ID is the engine's id: a movie's id in decimal, if the document is one of ours.
	ID string
	// Version is the external version it was written with.
	Version movie.Version
	// Source is the JSON that was indexed. Compare it by bytes first: what was
	// sent is what comes back.
	Source json.RawMessage
	// Routing is what the document was routed by; empty for those of this service,
	// which are all found by their id alone.
	Routing string
}

type storedHit struct {
	ID      string          `json:"_id"`
	Routing string          `json:"_routing"`
	Version int64           `json:"_version"`
	Found   bool            `json:"found"`
	Source  json.RawMessage `json:"_source"`
	Error   *errorCause     `json:"error"`
}

// scanKeepAlive is how long the engine keeps a scan that is not continued.
const scanKeepAlive = "5m"

// Scan gives every document of one of the slices (numbered from 0) that searches
// see when it begins, page by page and in no order, to the function. An error of
// the function ends it. Slices are cut by the values of a field, which costs a
// look at each document; the engine's own way, by _id, reads all ids of a segment
// again for every page.
func (c *Client) Scan(ctx context.Context, index string, slice, slices, page int, each func([]Stored) error) error {
	body := map[string]any{"size": page, "sort": []string{"_doc"}, "version": true, "query": map[string]any{"match_all": map[string]any{}}}
	if slices > 1 {
		body["slice"] = map[string]any{"field": "id", "id": slice, "max": slices}
	}
	type scrolled struct {
		ScrollID string `json:"_scroll_id"`
		TimedOut bool   `json:"timed_out"`
		Shards   struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
		Hits struct {
			Hits []storedHit `json:"hits"`
		} `json:"hits"`
	}
	var answer scrolled
	err := c.readDocuments(ctx, "/"+index+"/_search", url.Values{"scroll": {scanKeepAlive}}, body, &answer)
	defer func() { c.endScan(ctx, answer.ScrollID) }()
	for err == nil && len(answer.Hits.Hits) > 0 {
		if answer.Shards.Failed > 0 || answer.TimedOut {
			return errors.Join(movie.ErrUnavailable, errors.New("scan "+index+": a shard did not answer"))
		}
		documents := make([]Stored, len(answer.Hits.Hits))
		for i, h := range answer.Hits.Hits {
			documents[i] = Stored{h.ID, movie.Version(h.Version), h.Source, h.Routing}
		}
		if err := each(documents); err != nil {
			return err
		}
		next := map[string]string{"scroll": scanKeepAlive, "scroll_id": answer.ScrollID}
		answer = scrolled{ScrollID: answer.ScrollID}
		err = c.readDocuments(ctx, "/_search/scroll", nil, next, &answer)
	}
	return err
}

// readDocuments is do for answers that are full of documents: the successor of
// encoding/json decodes them in a fifth of the time. What an index holds may be
// anything, so it is as lenient as encoding/json.
func (c *Client) readDocuments(ctx context.Context, path string, query url.Values, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	return c.exchange(ctx, http.MethodPost, path, query, "application/json", body, func(answer io.Reader) error {
		return jsonv2.UnmarshalRead(answer, out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	})
}

// endScan lets the engine forget a scan; if that fails it does so by itself later.
func (c *Client) endScan(ctx context.Context, id string) {
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = c.do(ctx, http.MethodDelete, "/_search/scroll", nil, map[string]string{"scroll_id": id}, nil)
}

// Read gives those of the movies' documents that exist, as last written, whether
// searches see them yet or not, by id.
func (c *Client) Read(ctx context.Context, index string, ids []int64) (map[int64]Stored, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = strconv.FormatInt(id, 10)
	}
	var answer struct {
		Docs []storedHit `json:"docs"`
	}
	if err := c.readDocuments(ctx, "/"+index+"/_mget", nil, map[string]any{"ids": names}, &answer); err != nil {
		return nil, err
	}
	documents := make(map[int64]Stored, len(ids))
	for _, d := range answer.Docs {
		if d.Error != nil {
			return nil, errors.Join(movie.ErrUnavailable, errors.New("read document "+d.ID+" of "+index+": "+d.Error.describe()))
		}
		if !d.Found {
			continue
		}
		id, err := strconv.ParseInt(d.ID, 10, 64)
		if err != nil {
			return nil, err
		}
		documents[id] = Stored{d.ID, movie.Version(d.Version), d.Source, d.Routing}
	}
	return documents, nil
}

// Remove deletes a document that this service did not write, as Scan or Read gave
// it; one that does not exist is no error. The error is of kind movie.ErrConflict
// when it has been replaced by one of a higher version.
func (c *Client) Remove(ctx context.Context, index string, d Stored) error {
	query := url.Values{"version_type": {"external_gte"}, "version": {d.Version.String()}}
	if d.Routing != "" {
		query.Set("routing", d.Routing)
	}
	err := c.do(ctx, http.MethodDelete, "/"+index+"/_doc/"+url.PathEscape(d.ID), query, nil, nil)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return fmt.Errorf("%w: %w", movie.ErrConflict, err)
	}
	if errors.Is(err, movie.ErrNotFound) {
		return nil
	}
	return err
}
