package postgres_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"movies/internal/postgres"
)

func TestChangeMessageSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Int64Range(1, 1<<63-1), 0, 5)
		m := postgres.ChangeMessage{
			XID:    uint64(rapid.Int64Range(1, 1<<63-1).Draw(t, "xid")),
			Movies: ids.Draw(t, "movies"), People: ids.Draw(t, "people"),
			Genres: ids.Draw(t, "genres"), Keywords: ids.Draw(t, "keywords"),
		}
		wire := postgres.AppendChangeMessage(nil, m)
		if len(wire) == 0 {
			return // no ids, no message
		}
		got, err := postgres.ParseChangeMessage(wire)
		if err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s: %s", wire, diff)
		}
	})
}

func TestChangeMessageInWords(t *testing.T) {
	got, err := postgres.ParseChangeMessage([]byte("90217:12,p42,g3,k9,950"))
	want := postgres.ChangeMessage{XID: 90217, Movies: []int64{12, 950}, People: []int64{42}, Genres: []int64{3}, Keywords: []int64{9}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestChangeMessageRefusesWhatTriggersDoNotWrite(t *testing.T) {
	for _, bad := range []string{
		"", ":", "7", "7:", ":1", "7:1,", "7:,1", "7:1,,2", "7:0", "7:-1", "7:+1", "7: 1", "7:01", "0:1", "x:1", "7:x1", "7:p", "7:pp1",
		"7:9223372036854775808", "7:99999999999999999999", "7:1\n", "9223372036854775808:1",
	} {
		if m, err := postgres.ParseChangeMessage([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, m)
		}
	}
}

// A message that is accepted has exactly one wire form, up to the order of kinds.
func FuzzParseChangeMessage(f *testing.F) {
	for _, s := range []string{"90217:12,950", "90218:p42", "1:g1,k2,3", "7:1,", "7:01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := postgres.ParseChangeMessage(content)
		if err != nil {
			return
		}
		wire := postgres.AppendChangeMessage(nil, m)
		if len(wire) != len(content) {
			t.Fatalf("%q became %q", content, wire)
		}
		again, err := postgres.ParseChangeMessage(wire)
		if err != nil || !bytes.Equal(postgres.AppendChangeMessage(nil, again), wire) {
			t.Fatalf("%q became %q: %v", content, wire, err)
		}
	})
}

func BenchmarkParseChangeMessage(b *testing.B) {
	var m postgres.ChangeMessage
	m.XID = 1 << 40
	for i := range int64(postgres.MaxChangeIDs) {
		m.Movies = append(m.Movies, 10_000_000+i)
	}
	wire := postgres.AppendChangeMessage(nil, m)
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if _, err := postgres.ParseChangeMessage(wire); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*postgres.MaxChangeIDs/b.Elapsed().Seconds(), "ids/s")
}
