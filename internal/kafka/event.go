package kafka

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"movies/internal/movie"
)

// EventSchema is the schema that this release writes, and the newest it reads.
// Adding a field that old readers may ignore does not change it; anything else
// does, and then readers are rolled out before writers.
const EventSchema = 1

// ErrNewerSchema means that the event was written by a newer release, in a schema
// that this one cannot read without guessing. Nothing is wrong with the event.
var ErrNewerSchema = errors.New("event schema is newer than this process reads")

// envelope is an event as JSON. Fields that a reader does not know are ignored.
type envelope struct {
	Schema      int           `json:"schema"`
	ID          int64         `json:"id"`
	Op          movie.Op      `json:"op"`
	Version     movie.Version `json:"version"`
	CommittedAt time.Time     `json:"committed_at,omitzero"`
	TraceParent string        `json:"traceparent,omitempty"`
	Movie       *movie.Movie  `json:"movie,omitempty"`
}

// EncodeEvent gives the JSON form of an event. It refuses events that
// DecodeEvent would refuse.
func EncodeEvent(e movie.Event) ([]byte, error) {
	env := envelope{EventSchema, e.ID, e.Op, e.Version, e.CommittedAt.UTC(), e.TraceParent, e.Movie}
	if err := env.check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("event of movie %d: %w", e.ID, err)
	}
	return b, nil
}

// DecodeEvent reads an event in any schema up to EventSchema. An error is
// ErrNewerSchema, or means that the bytes are not an event.
func DecodeEvent(b []byte) (movie.Event, error) {
	var env envelope
	if err := json.Unmarshal(b, &env); err != nil {
		return movie.Event{}, cmp.Or(newerSchema(b), fmt.Errorf("event: %w", err))
	}
	if env.Schema > EventSchema {
		return movie.Event{}, newerSchema(b)
	}
	if env.Schema < 1 {
		return movie.Event{}, errors.New("event has no schema: a positive integer is required")
	}
	if err := env.check(); err != nil {
		return movie.Event{}, err
	}
	return movie.Event{ID: env.ID, Op: env.Op, Version: env.Version, Movie: env.Movie,
		CommittedAt: env.CommittedAt, TraceParent: env.TraceParent}, nil
}

// DecodeChange reads which movie an event is about and the version it brings it
// to, without the movie itself; errors as of DecodeEvent.
func DecodeChange(b []byte) (id int64, version movie.Version, err error) {
	var head struct {
		Schema  int           `json:"schema"`
		ID      int64         `json:"id"`
		Version movie.Version `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return 0, 0, cmp.Or(newerSchema(b), fmt.Errorf("event: %w", err))
	}
	if head.Schema > EventSchema {
		return 0, 0, newerSchema(b)
	}
	if head.Schema < 1 || head.ID <= 0 || head.Version <= 0 {
		return 0, 0, errors.New("event has no schema, id or version")
	}
	return head.ID, head.Version, nil
}

// newerSchema looks at nothing but the schema, for a newer one may give every
// other field another form. It is nil when the schema is not newer.
func newerSchema(b []byte) error {
	var head struct {
		Schema int `json:"schema"`
	}
	_ = json.Unmarshal(b, &head) // what cannot be read has no newer schema
	if head.Schema <= EventSchema {
		return nil
	}
	return fmt.Errorf("%w: event has schema %d, this process reads up to %d; upgrade it before the relay",
		ErrNewerSchema, head.Schema, EventSchema)
}

func (e *envelope) check() error {
	switch {
	case e.ID <= 0:
		return fmt.Errorf("event: id must be positive, not %d", e.ID)
	case e.Version <= 0:
		return fmt.Errorf("event of movie %d: version must be positive, not %d", e.ID, e.Version)
	case e.Op == movie.OpDelete && e.Movie != nil:
		return fmt.Errorf("event of movie %d: a delete must not carry a movie", e.ID)
	case e.Op == movie.OpUpsert && e.Movie == nil:
		return fmt.Errorf("event of movie %d: an upsert must carry the movie", e.ID)
	case e.Op == movie.OpUpsert && e.Movie.ID != e.ID:
		return fmt.Errorf("event of movie %d: it carries movie %d", e.ID, e.Movie.ID)
	case e.Op != movie.OpUpsert && e.Op != movie.OpDelete:
		return fmt.Errorf("event of movie %d: op must be %q or %q, not %q", e.ID, movie.OpUpsert, movie.OpDelete, e.Op)
	}
	return nil
}
