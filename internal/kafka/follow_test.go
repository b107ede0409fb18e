package kafka

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// heard collects what a follower is told.
type heard struct {
	mu      sync.Mutex
	keys    []string
	gaps    int
	current time.Time
	failed  int
}

func (h *heard) follower() Follower {
	locked := func(do func()) {
		h.mu.Lock()
		defer h.mu.Unlock()
		do()
	}
	return Follower{
		Each:    func(m Message) { locked(func() { h.keys = append(h.keys, string(m.Key)) }) },
		Current: func(asOf time.Time) { locked(func() { h.current = asOf }) },
		Gap:     func() { locked(func() { h.gaps++ }) },
		Failed:  func(error) { locked(func() { h.failed++ }) },
	}
}

func (h *heard) is(condition func(*heard) bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return condition(h)
}

func untilHeard(t *testing.T, what string, h *heard, condition func(*heard) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !h.is(condition); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// TestFollow: from the end on every message is given, and when it is told that all
// before a moment were given, they were.
func TestFollow(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	publish := func(keys ...string) {
		t.Helper()
		var messages []Message
		for _, k := range keys {
			messages = append(messages, Message{Key: []byte(k), Value: []byte("v")})
		}
		if err := c.Publish(t.Context(), TopicChanges, messages); err != nil {
			t.Fatal(err)
		}
	}
	publish("before")
	ctx, stop := context.WithCancel(t.Context())
	var h heard
	done := make(chan struct{})
	go func() { defer close(done); c.Follow(ctx, TopicChanges, 20*time.Millisecond, h.follower()) }()
	untilHeard(t, "it is current", &h, func(h *heard) bool { return !h.current.IsZero() })
	for round := range 5 {
		var keys []string
		for i := range 10 {
			keys = append(keys, strconv.Itoa(round)+"/"+strconv.Itoa(i))
		}
		publish(keys...)
		published := time.Now()
		untilHeard(t, "it is current again", &h, func(h *heard) bool { return h.current.After(published) })
		for _, k := range keys {
			if !h.is(func(h *heard) bool { return slices.Contains(h.keys, k) }) {
				t.Errorf("%s was published before the moment that is told to be current, and not given", k)
			}
		}
	}
	stop()
	<-done
	if h.gaps != 1 || h.failed != 0 || slices.Contains(h.keys, "before") {
		t.Errorf("%d gaps, want the one at the beginning; %d failures; %v", h.gaps, h.failed, h.keys[0])
	}
}

// TestFollowAnotherTopic: a topic that was deleted and made anew is a gap.
func TestFollowAnotherTopic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at, first, next Offsets
		want            bool
	}{
		"as it was":         {Offsets{0: 5, 1: 7}, Offsets{0: 0, 1: 0}, Offsets{0: 5, 1: 9}, false},
		"a partition more":  {Offsets{0: 5}, Offsets{0: 0, 1: 0}, Offsets{0: 5, 1: 9}, false},
		"shorter":           {Offsets{0: 5}, Offsets{0: 0}, Offsets{0: 4}, true},
		"gone meanwhile":    {Offsets{0: 5}, Offsets{0: 6}, Offsets{0: 9}, true},
		"a partition fewer": {Offsets{0: 5, 1: 5}, Offsets{0: 0}, Offsets{0: 5}, true},
	} {
		if got := another(c.at, c.first, c.next); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
