package relay_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
)

func (r *rig) compare(documents []movie.Movie) {
	r.t.Helper()
	index := r.index()
	for i := range documents {
		want, got := &documents[i], index[documents[i].ID].Movie
		if got == nil {
			r.t.Errorf("movie %d is not in the index", want.ID)
		} else if diff := cmp.Diff(asJSON(r.t, want), asJSON(r.t, got)); diff != "" {
			r.t.Errorf("movie %d differs (-database +index):\n%s", want.ID, diff)
		}
		delete(index, want.ID)
	}
	for id, e := range index {
		if e.Op != movie.OpDelete {
			r.t.Errorf("movie %d is in the index and not in the database", id)
		}
	}
}

func asJSON(t testing.TB, m *movie.Movie) string {
	t.Helper()
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRawSQLReachesKafka(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.confirmed() // what is committed before there is a slot is not the relay's
	r.exec("INSERT INTO movies (id, title, year) VALUES (1, 'Alien', 1979), (2, 'Heat', 1995)")
	r.exec("INSERT INTO people (id, name) VALUES (7, 'Sigourney Weaver')")
	r.exec("INSERT INTO credits (movie_id, person_id, position) VALUES (1, 7, 1)")
	r.exec("UPDATE movies SET title = 'Aliens' WHERE id = 1")
	r.exec("DELETE FROM movies WHERE id = 2")
	r.confirmed()
	r.sameAsDatabase()
	if e := r.index()[2]; e.Op != movie.OpDelete || e.CommittedAt.IsZero() {
		t.Errorf("movie 2 ended with %+v, want a delete", e)
	}
	if e := r.index()[1]; e.Movie == nil || e.Movie.Title != "Aliens" || len(e.Movie.Cast) != 1 {
		t.Errorf("movie 1 ended with %+v", e.Movie)
	}
}

// A heartbeat becomes events, so that it can be seen at the end of the way.
func TestHeartbeatReachesKafka(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.capture()
	r.start()
	r.confirmed()
	if err := c.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.await("a heartbeat is published", func() bool { return len(r.index()) == movie.Heartbeats })
	for id, e := range r.index() {
		if !movie.IsHeartbeat(id) || e.Op != movie.OpDelete || time.Since(e.CommittedAt) > time.Minute {
			t.Errorf("got %+v", e)
		}
	}
}
