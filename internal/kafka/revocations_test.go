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
	stop()
	if err := <-done; err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}
