package kafka

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"movies/internal/movie"
)

// largest is a valid movie with every list full of the longest values.
func largest(t testing.TB, character func() rune) *movie.Movie {
	t.Helper()
	text := func(characters int) string {
		var b strings.Builder
		for range characters {
			b.WriteRune(character())
		}
		return b.String()
	}
	list := func(characters int) []string {
		values := make([]string, movie.MaxListValues)
		for i := range values {
			values[i] = text(characters)
		}
		return values
	}
	m := &movie.Movie{ID: 1, Title: text(movie.MaxTitle), Akas: list(movie.MaxTitle), Overview: text(movie.MaxOverview),
		Genres: list(movie.MaxName), Languages: list(movie.MaxName), Countries: list(movie.MaxName), Keywords: list(movie.MaxName),
		Directors: list(movie.MaxName), Cast: list(movie.MaxName), Characters: list(movie.MaxName)}
	for i, name := range m.Cast {
		m.People = append(m.People, movie.Credit{ID: int64(i) + 1, Name: name, Role: movie.RoleCast})
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

// No valid movie is too large for the topics, not even of characters that JSON
// writes as six.
func TestEveryValidMovieFits(t *testing.T) {
	t.Parallel()
	value, err := EncodeEvent(movie.Event{ID: 1, Op: movie.OpUpsert, Version: 1, Movie: largest(t, func() rune { return '<' })})
	if err != nil {
		t.Fatal(err)
	}
	if size := messageSize(&Message{Key: EventKey(1), Value: value}); size > MaxMessageBytes {
		t.Errorf("an event of %d bytes, at most %d are accepted", size, MaxMessageBytes)
	}
}

// A message that no compression makes smaller arrives, with those around it, in a
// group and in a plain reading.
func TestLargeMessagesAreRead(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	setOffsets(t, c, Offsets{0: 0, 1: 0, 2: 0})
	random := rand.New(rand.NewPCG(1, 2))
	big := largest(t, func() rune { return 0x10000 + random.Int32N(0x20000) })
	events := []movie.Event{
		{ID: 1, Op: movie.OpDelete, Version: 1},
		{ID: 1, Op: movie.OpUpsert, Version: 2, Movie: big},
		{ID: 1, Op: movie.OpDelete, Version: 3},
	}
	for i := range events {
		if parked, err := c.PublishEvents(t.Context(), time.Now(), events[i:i+1]); err != nil || len(parked) > 0 {
			t.Fatalf("event %d: parked %d, %v", i, len(parked), err)
		}
	}
	m := join(t, c, true)
	m.awaitMessages(len(events))
	all := readAll(t, c, TopicChanges)["1"]
	for name, read := range map[string][]Message{"group": m.read, "plain": all} {
		if len(read) != len(events) {
			t.Errorf("%s: %d messages, want %d", name, len(read), len(events))
			continue
		}
		if e, err := DecodeEvent(read[1].Value); err != nil || !cmp.Equal(e.Movie, big) {
			t.Errorf("%s: the large movie is not as it was sent: %v", name, err)
		}
	}
}
