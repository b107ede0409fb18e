package movie

import (
	"testing"

	"pgregory.net/rapid"
)

func TestEditDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.StringMatching(`[a-d]{0,8}`).Draw(t, "a"), rapid.StringMatching(`[a-d]{0,8}`).Draw(t, "b"), rapid.StringMatching(`[a-d]{0,8}`).Draw(t, "c")
		ab, ba, ac, cb := editDistance([]rune(a), []rune(b)), editDistance([]rune(b), []rune(a)), editDistance([]rune(a), []rune(c)), editDistance([]rune(c), []rune(b))
		if ab != ba || (ab == 0) != (a == b) || ab > ac+cb || ab > max(len(a), len(b)) {
			t.Fatalf("%q %q %q: %d %d %d %d is no distance", a, b, c, ab, ba, ac, cb)
		}
	})
	if got := editDistance([]rune("kitten"), []rune("sitting")); got != 3 {
		t.Errorf("kitten, sitting: got %d, want 3", got)
	}
}
