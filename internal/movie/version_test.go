package movie_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"movies/internal/movie"
)

func TestVersionOrdersByEpochThenLSN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epochs := rapid.IntRange(1, 4095)
		lsns := rapid.Uint64Range(0, 1<<51-1)
		e1, e2 := epochs.Draw(t, "e1"), epochs.Draw(t, "e2")
		l1, l2 := lsns.Draw(t, "l1"), lsns.Draw(t, "l2")
		v1, err1 := movie.NewVersion(e1, l1)
		v2, err2 := movie.NewVersion(e2, l2)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		want := e1 < e2 || e1 == e2 && l1 < l2
		if got := v1 < v2; got != want {
			t.Fatalf("(%d,%d) < (%d,%d): got %v", e1, l1, e2, l2, got)
		}
		if v1.Epoch() != e1 || v1.LSN() != l1 {
			t.Fatalf("(%d,%d) came back as (%d,%d)", e1, l1, v1.Epoch(), v1.LSN())
		}
		if v1 <= 0 {
			t.Fatalf("version %d is not positive", v1)
		}
	})
}

func TestVersionRefusesWhatWouldWrapAround(t *testing.T) {
	for _, c := range []struct {
		epoch int
		lsn   uint64
	}{{0, 1}, {-1, 1}, {4096, 1}, {1, 1 << 51}} {
		if v, err := movie.NewVersion(c.epoch, c.lsn); err == nil {
			t.Errorf("NewVersion(%d, %d) = %d, want an error", c.epoch, c.lsn, v)
		}
	}
}

func TestVersionIsAStringInJSON(t *testing.T) {
	v, err := movie.NewVersion(4095, 1<<51-1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]movie.Version{"version": v})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"version":"9223372036854775807"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back map[string]movie.Version
	if err := json.Unmarshal(b, &back); err != nil || back["version"] != v {
		t.Errorf("came back as %v, %v", back, err)
	}
	for _, bad := range []string{`{"version":"-1"}`, `{"version":"0"}`, `{"version":"9223372036854775808"}`, `{"version":"x"}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}
