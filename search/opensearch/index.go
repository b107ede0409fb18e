package opensearch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"movies/internal/movie"
)

// The aliases everyone agrees on. In tests a prefix is put before them, as
// before the names of indices.
const (
	// ReadAlias names the one index that answers.
	ReadAlias = "movies"
	// FeedAlias names every index that is kept fed from Kafka.
	FeedAlias = "movies-feed"
)

// IndexName is the name of a new index: PREFIXmovies-vVERSION-TIME, the time in
// UTC to the second.
func IndexName(prefix string, mappingVersion int, at time.Time) string {
	return fmt.Sprintf("%s%s-v%d-%s", prefix, ReadAlias, mappingVersion, at.UTC().Format("20060102t150405z"))
}

// WriteAlias is the alias through which alone an index is written. It makes two
// things certain, both decided by the cluster and so without a race:
//
//   - A write never creates an index. Asking for a target that is an alias
//     (require_alias) protects only against writes of documents: a deletion with
//     an external version still creates what is missing wherever indices are made
//     automatically. But an alias may have capitals in its name and an index may
//     not, so this name can be no index's.
//   - Taking the alias away stops all writes to the index from then on, whichever
//     process they come from, and giving it back resumes them (see WriteState).
func WriteAlias(index string) string { return index + "-WRITE" }

// Facts is what an index remembers about itself, in its mapping's _meta, beside
// the mapping's version.
type Facts struct {
	// CreatedAt and CreatedBy tell who made it and when.
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	// Epoch is the epoch of the versions that the index was begun with.
	Epoch int `json:"epoch"`
	// Floor is the version up to which the index has everything from the database,
	// or will have. Events up to it are not for this index.
	Floor movie.Version `json:"floor,omitempty"`
}

// Index describes an index of the cluster.
type Index struct {
	Name string
	// MappingVersion is 0 when the index does not say.
	MappingVersion int
	Facts          Facts
	// Aliases that the index has, in order, without those that say whether it
	// takes writes.
	Aliases []string
}

// CreateIndex creates an index from a body as mappings.Index makes it, with its
// WriteAlias and no other. The facts join the body's mappings._meta.
func (c *Client) CreateIndex(ctx context.Context, name string, body []byte, facts Facts) error {
	var request struct {
		Settings json.RawMessage            `json:"settings,omitempty"`
		Mappings map[string]json.RawMessage `json:"mappings"`
		Aliases  map[string]any             `json:"aliases"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return fmt.Errorf("create index %s: body: %w", name, err)
	}
	meta := map[string]any{}
	if raw, ok := request.Mappings["_meta"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return fmt.Errorf("create index %s: _meta: %w", name, err)
		}
	}
	meta["created_at"], meta["created_by"], meta["epoch"] = facts.CreatedAt.UTC(), facts.CreatedBy, facts.Epoch
	if facts.Floor > 0 {
		meta["floor"] = facts.Floor
	}
	raw, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("create index %s: _meta: %w", name, err)
	}
	if request.Mappings == nil {
		request.Mappings = make(map[string]json.RawMessage)
	}
	request.Mappings["_meta"] = raw
	request.Aliases = map[string]any{WriteAlias(name): map[string]bool{"is_write_index": true}}
	return c.do(ctx, http.MethodPut, "/"+name, nil, &request, nil)
}

// DeleteIndex removes an index; one that does not exist is no error.
func (c *Client) DeleteIndex(ctx context.Context, name string) error {
	err := c.do(ctx, http.MethodDelete, "/"+name, nil, nil, nil)
	if errors.Is(err, movie.ErrNotFound) {
		return nil
	}
	return err
}

// indexParameters: what Indices reads.
var indexParameters = url.Values{"filter_path": {"*.aliases,*.mappings._meta"}}

// Indices describes the indices that a name stands for: an alias, an index, or a
// pattern with *. There may be none. They are ordered by name, so by age within
// a mapping version.
func (c *Client) Indices(ctx context.Context, name string) ([]Index, error) {
	var answer map[string]struct {
		Aliases  map[string]any `json:"aliases"`
		Mappings struct {
			Meta struct {
				Version int `json:"version"`
				Facts
			} `json:"_meta"`
		} `json:"mappings"`
	}
	err := c.do(ctx, http.MethodGet, "/"+name, indexParameters, nil, &answer)
	if errors.Is(err, movie.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	indices := make([]Index, 0, len(answer))
	for name, a := range answer {
		index := Index{Name: name, MappingVersion: a.Mappings.Meta.Version, Facts: a.Mappings.Meta.Facts}
		for alias := range a.Aliases {
			if alias != WriteAlias(name) && !strings.HasPrefix(alias, holdMark(name)) {
				index.Aliases = append(index.Aliases, alias)
			}
		}
		slices.Sort(index.Aliases)
		indices = append(indices, index)
	}
	slices.SortFunc(indices, func(a, b Index) int { return cmp.Compare(a.Name, b.Name) })
	return indices, nil
}

// AliasAction gives an alias to an index or takes it away.
type AliasAction struct {
	Alias, Index string
	Remove       bool
}

// UpdateAliases carries out all actions at once: no reader sees some of them
// done and others not, and if one is impossible none is.
func (c *Client) UpdateAliases(ctx context.Context, actions ...AliasAction) error {
	type target struct {
		Index        string `json:"index"`
		Alias        string `json:"alias"`
		MustExist    *bool  `json:"must_exist,omitempty"`
		IsWriteIndex *bool  `json:"is_write_index,omitempty"`
	}
	request := struct {
		Actions []map[string]target `json:"actions"`
	}{}
	yes := true
	for _, a := range actions {
		t := target{Index: a.Index, Alias: a.Alias}
		verb := "add"
		switch {
		case a.Remove:
			verb, t.MustExist = "remove", &yes
		case a.Alias == WriteAlias(a.Index):
			t.IsWriteIndex = &yes
		}
		request.Actions = append(request.Actions, map[string]target{verb: t})
	}
	return c.do(ctx, http.MethodPost, "/_aliases", nil, &request, nil)
}

// WriteState is whether an index takes writes.
type WriteState uint8

// The states of an index.
const (
	// Gone: there is no such index.
	Gone WriteState = iota
	// Withheld: it exists, and its WriteAlias has been taken away.
	Withheld
	// Writable: it exists and has its WriteAlias.
	Writable
)

// WriteState asks the cluster whether an index takes writes.
func (c *Client) WriteState(ctx context.Context, index string) (WriteState, error) {
	var answer map[string]struct {
		Aliases map[string]any `json:"aliases"`
	}
	err := c.do(ctx, http.MethodGet, "/"+index+"/_alias", nil, nil, &answer)
	if errors.Is(err, movie.ErrNotFound) {
		return Gone, nil
	}
	if err != nil {
		return Gone, err
	}
	if _, ok := answer[index].Aliases[WriteAlias(index)]; ok {
		return Writable, nil
	}
	return Withheld, nil
}

// Refresh makes everything written so far visible to searches.
func (c *Client) Refresh(ctx context.Context, index string) error {
	return c.do(ctx, http.MethodPost, "/"+index+"/_refresh", nil, nil, nil)
}

// PutSettings changes dynamic settings, such as index.number_of_replicas; nil
// gives a setting back its default.
func (c *Client) PutSettings(ctx context.Context, index string, settings map[string]any) error {
	return c.do(ctx, http.MethodPut, "/"+index+"/_settings", nil, settings, nil)
}

// Stats is how much an index holds.
type Stats struct {
	// Docs is the number of documents, Deleted of those removed or replaced
	// whose space is not yet reclaimed.
	Docs, Deleted int64
	// Bytes of the primaries, and of all copies, on disk.
	PrimaryBytes, TotalBytes int64
}

// Stats measures an index. Docs are those searches see.
func (c *Client) Stats(ctx context.Context, index string) (Stats, error) {
	type part struct {
		Docs  struct{ Count, Deleted int64 }
		Store struct {
			SizeInBytes int64 `json:"size_in_bytes"`
		}
	}
	var answer struct {
		All struct{ Primaries, Total part } `json:"_all"`
	}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_stats/docs,store", nil, nil, &answer); err != nil {
		return Stats{}, err
	}
	p, t := answer.All.Primaries, answer.All.Total
	return Stats{Docs: p.Docs.Count, Deleted: p.Docs.Deleted, PrimaryBytes: p.Store.SizeInBytes, TotalBytes: t.Store.SizeInBytes}, nil
}

// HasAlias tells whether the index has the alias.
func (i *Index) HasAlias(alias string) bool { return slices.Contains(i.Aliases, alias) }
