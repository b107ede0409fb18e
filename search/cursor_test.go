package search_test

import (
	"encoding/base64"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"movies/internal/movie"
	"movies/search"
)

func positions() *rapid.Generator[search.Position] {
	value := rapid.OneOf(
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Just[any](math.Inf(-1)),
	)
	return rapid.Custom(func(t *rapid.T) search.Position {
		p := search.Position{Step: rapid.Byte().Draw(t, "step")}
		if n := rapid.SliceOfN(rapid.Int64Range(1, math.MaxInt64), 0, 120).Draw(t, "shown"); len(n) > 0 {
			p.Shown = n
		}
		if v := rapid.SliceOfN(value, 0, 3).Draw(t, "after"); len(v) > 0 {
			p.After = v
		}
		return p
	})
}

func TestCursorComesBackForItsOwnQuestion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, other := requests().Draw(t, "request").Normalize(), requests().Draw(t, "other").Normalize()
		want := positions().Draw(t, "position")
		cursor := r.CursorAt(want)

		next := r
		next.Cursor, next.Limit, next.Facets, next.Highlight = cursor, 7, nil, !r.Highlight
		got, err := next.Position()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("position differs (-want +got):\n%s", diff)
		}

		other.Limit, other.Facets, other.Highlight = r.Limit, r.Facets, r.Highlight
		if other.Key() == r.Key() {
			return
		}
		other.Cursor = cursor
		if _, err := other.Position(); !namesCursor(err) {
			t.Fatalf("the cursor of\n%s\nwas taken for\n%s\n(%v)", r, other, err)
		}
	})
}

func TestDamagedCursorIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := search.Request{Text: "alien"}.Normalize()
		b, _ := base64.RawURLEncoding.DecodeString(r.CursorAt(positions().Draw(t, "position")))
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		r.Cursor = base64.RawURLEncoding.EncodeToString(b)
		if p, err := r.Position(); !namesCursor(err) {
			t.Fatalf("got %+v, %v", p, err)
		}
	})
}

func FuzzPosition(f *testing.F) {
	r := search.Request{Text: "alien"}.Normalize()
	f.Add("")
	f.Add("x")
	f.Add(r.CursorAt(search.Position{}))
	f.Add(r.CursorAt(search.Position{Step: 2, Shown: []int64{603, 604}, After: []any{1.5, int64(7), "ä"}}))
	f.Fuzz(func(t *testing.T, cursor string) {
		r.Cursor = cursor
		p, err := r.Position()
		if err != nil {
			if !namesCursor(err) {
				t.Fatalf("error %v does not name the cursor", err)
			}
			return
		}
		if cursor != "" && r.CursorAt(p) == "" {
			t.Fatal("an accepted cursor cannot be written again")
		}
	})
}

func namesCursor(err error) bool {
	var invalid *movie.InvalidError
	return errors.As(err, &invalid) && len(invalid.Problems) == 1 && invalid.Problems[0].Field == "cursor"
}
