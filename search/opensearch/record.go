package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"movies/internal/movie"
)

// RecordVersion is the state of a record that a write expects to replace. The
// zero value expects that there is none.
type RecordVersion struct{ SeqNo, PrimaryTerm int64 }

// recordSettings: a record is one small document that must not be lost with a node.
var recordSettings = map[string]any{
	"settings": map[string]any{"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1"},
	"mappings": map[string]any{"dynamic": false},
}

// EnsureRecords creates the index that holds records, unless it exists.
func (c *Client) EnsureRecords(ctx context.Context, index string) error {
	err := c.do(ctx, http.MethodPut, "/"+index, nil, recordSettings, nil)
	var answer *Error
	if errors.As(err, &answer) && answer.Type == "resource_already_exists_exception" {
		return nil
	}
	return err
}

// ReadRecord reads a record, as last written, into out. The error is of kind
// movie.ErrNotFound when there is none.
func (c *Client) ReadRecord(ctx context.Context, index, id string, out any) (RecordVersion, error) {
	answer := struct {
		SeqNo       int64 `json:"_seq_no"`
		PrimaryTerm int64 `json:"_primary_term"`
		Source      any   `json:"_source"`
	}{Source: out}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_doc/"+id, nil, nil, &answer); err != nil {
		return RecordVersion{}, err
	}
	return RecordVersion{answer.SeqNo, answer.PrimaryTerm}, nil
}

// WriteRecord writes a record if it is still the one of the version, and gives
// its new version. The error is of kind movie.ErrConflict when somebody else has
// written it meanwhile.
func (c *Client) WriteRecord(ctx context.Context, index, id string, expected RecordVersion, record any) (RecordVersion, error) {
	query := url.Values{"op_type": {"create"}}
	if expected != (RecordVersion{}) {
		query = url.Values{
			"if_seq_no":       {strconv.FormatInt(expected.SeqNo, 10)},
			"if_primary_term": {strconv.FormatInt(expected.PrimaryTerm, 10)},
		}
	}
	var answer struct {
		SeqNo       int64 `json:"_seq_no"`
		PrimaryTerm int64 `json:"_primary_term"`
	}
	err := c.do(ctx, http.MethodPut, "/"+index+"/_doc/"+id, query, record, &answer)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return RecordVersion{}, fmt.Errorf("%w: %w", movie.ErrConflict, err)
	}
	if err != nil {
		return RecordVersion{}, err
	}
	return RecordVersion{answer.SeqNo, answer.PrimaryTerm}, nil
}
