package kafka

import (
	"context"
	"testing"
	"time"

	"movies/internal/auth/identity"
)

// Whoever follows gets what was told before and what is told later.
func TestRevocationsAreFollowed(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	ctx, stop := context.WithCancel(t.Context())
	got := make(chan identity.Revocation, 10)
	at := time.Now().Truncate(time.Millisecond).UTC()
	tell := func(session string) {
		t.Helper()
		if err := c.PublishRevocations(t.Context(), []identity.Revocation{{Session: session, At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	tell("early")
	done := make(chan error, 1)
	go func() { done <- c.FollowRevocations(ctx, func(r identity.Revocation) { got <- r }) }()
	for _, want := range []string{"early", "late"} {
		select {
		case r := <-got:
			if r.Session != want || !r.At.Equal(at) {
				t.Errorf("got %+v, want %s at %v", r, want, at)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not heard of", want)
		}
		if want == "early" {
			tell("late")
		}
	}
	// What this release cannot read ends a session all the same.
	if err := c.Publish(t.Context(), TopicRevocations, []Message{{Key: []byte("odd"), Value: []byte(`{"schema":2,"when":1}`), Time: at}}); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-got:
		if r.Session != "odd" || !r.At.Equal(at) {
			t.Errorf("got %+v", r)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("an odd message is not heard of")
	}
	stop()
	if err := <-done; err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}
