package rebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/big"
	"slices"

	"movies/internal/movie"
)

// pair is a movie on both sides, as JSON; nil where a side does not have it.
type pair struct {
	database, index  []byte
	databaseRevision int64
	databaseRow      uint32
	indexVersion     movie.Version
	ahead            bool // indexVersion is above any that the database has given out
}

// pairs reads movies on both sides: first the index, then the database, and the
// version of its rows last. The order matters to settled.
func (r *Rebuilder) pairs(ctx context.Context, index string, ids []int64) (map[int64]*pair, error) {
	stored, err := r.engine.Read(ctx, index, ids)
	if err != nil {
		return nil, err
	}
	movies, err := r.source.Documents(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows, err := r.history.RowVersions(ctx, ids)
	if err != nil {
		return nil, err
	}
	pairs := make(map[int64]*pair, len(ids))
	for _, id := range ids {
		pairs[id] = &pair{databaseRow: rows[id]}
	}
	for id, document := range stored {
		pairs[id].index, pairs[id].indexVersion = document.Source, document.Version
	}
	var e encoder
	for i := range movies {
		source, err := e.encode(&movies[i])
		if err != nil {
			return nil, err
		}
		p := pairs[movies[i].ID]
		p.database, p.databaseRevision = bytes.Clone(source), movies[i].Revision
	}
	return pairs, nil
}

// same tells whether both sides hold the same: the same bytes, or the same JSON
// in another spelling.
func (p *pair) same() bool {
	if p.database == nil || p.index == nil {
		return p.database == nil && p.index == nil
	}
	return bytes.Equal(p.database, p.index) || len(p.fields()) == 0
}

// settled tells whether nothing has happened to a movie between two looks at it,
// where everything committed before the end of the first had to arrive in the
// index before the second began. If the sides differ then, the index is wrong:
//
// Say that the database has the movie. Its row was the same from the end of the
// first look to the end of the second, so the index had to have that state when
// it was read in between. Say that the database does not have it. The index has
// the same version both times, and the first time it was read before the
// database, so what it has was deleted before the end of the first look; that
// delete had to have arrived. Comparing contents alone would not do: a movie that
// is deleted and made again looks as before.
func (p *pair) settled(before *pair) bool {
	return p.databaseRow == before.databaseRow && bytes.Equal(p.database, before.database) && p.indexVersion == before.indexVersion
}

// fields are the JSON fields that differ, in order.
func (p *pair) fields() []string {
	var a, b map[string]any
	if decode(p.database, &a) != nil || decode(p.index, &b) != nil {
		return []string{"(not JSON)"}
	}
	var names []string
	for name := range maps.Keys(a) {
		if !sameJSON(a[name], b[name]) {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(b) {
		if _, there := a[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}

// sameJSON compares decoded JSON; numbers by value.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return false
		}
		x, ok1 := new(big.Rat).SetString(a.String())
		y, ok2 := new(big.Rat).SetString(b.String())
		return ok1 && ok2 && x.Cmp(y) == 0
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, sameJSON)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, sameJSON)
	}
	return a == b
}

// Kind is in what way a document is wrong.
type Kind string

// The kinds of difference.
const (
	// Missing: the database has the movie, the index has not.
	Missing Kind = "missing"
	// Orphan: the index has a movie that the database does not have.
	Orphan Kind = "orphan"
	// Differs: both have it, and not the same.
	Differs Kind = "differs"
	// Ahead: both have the same, and the index has it with a version above any that
	// the database has given out, so that it would refuse every change.
	Ahead Kind = "ahead"
	// Stray: a document whose id is no movie's, or that was routed elsewhere.
	Stray Kind = "stray"
)

// Difference is one document that is not what the database holds.
type Difference struct {
	// ID of the movie; 0 for a stray, whose engine id is Document.
	ID       int64  `json:"id,omitempty"`
	Document string `json:"document,omitempty"`
	Routing  string `json:"routing,omitempty"`
	Kind     Kind   `json:"kind"`
	// Newer is the side that is newer, judged by the movie's revision: database,
	// index, or "same revision" (as after a person was renamed, or when a document
	// was tampered with); empty where a side has nothing.
	Newer string `json:"newer,omitempty"`
	// Fields that differ.
	Fields []string `json:"fields,omitempty"`
	// Version of the document in the index, 0 if it is not there.
	Version movie.Version `json:"index_version,omitempty"`
}

// describe gives the difference that a pair shows.
func (p *pair) describe(id int64) Difference {
	d := Difference{ID: id, Version: p.indexVersion}
	switch {
	case p.index == nil:
		d.Kind = Missing
	case p.database == nil:
		d.Kind = Orphan
	case p.ahead && p.same():
		d.Kind = Ahead
	default:
		d.Kind, d.Fields = Differs, p.fields()
		var found movie.Movie
		_ = json.Unmarshal(p.index, &found) // a revision that cannot be read is 0, so older
		switch {
		case found.Revision < p.databaseRevision:
			d.Newer = "database"
		case found.Revision > p.databaseRevision:
			d.Newer = "index"
		default:
			d.Newer = "same revision"
		}
	}
	return d
}
