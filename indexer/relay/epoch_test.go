package relay

import (
	"strings"
	"testing"
	"time"

	"movies/internal/kafka"
	"movies/internal/movie"
)

func TestEpochGrowsWhenHistoryIsAnother(t *testing.T) {
	known := kafka.RelayState{Epoch: 3, SystemID: "7", Timeline: 2, LSN: 1000, RepairReason: "earlier"}
	same := movie.Origin{SystemID: "7", Timeline: 2, WALEnd: 1000}
	with := func(change func(*movie.Origin)) movie.Origin {
		o := same
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		known  kafka.RelayState
		origin movie.Origin
		epoch  int
		reason string
	}{
		"first start":             {kafka.RelayState{}, with(func(o *movie.Origin) { o.Fresh = true }), 1, ""},
		"died at the first start": {kafka.RelayState{At: time.Now()}, same, 1, ""},
		"state lost":              {kafka.RelayState{}, same, 1, "reindex run"},
		"restart":                 {known, same, 3, ""},
		"restart, WAL went on":    {known, with(func(o *movie.Origin) { o.WALEnd++ }), 3, ""},
		"other system":            {known, with(func(o *movie.Origin) { o.SystemID = "8" }), 4, "system identifier 8, was 7"},
		"other system, fresh":     {known, with(func(o *movie.Origin) { o.SystemID, o.Fresh = "8", true }), 4, "system identifier"},
		"other timeline":          {known, with(func(o *movie.Origin) { o.Timeline = 3 }), 4, "timeline is 3, was 2"},
		"WAL went back":           {known, with(func(o *movie.Origin) { o.WALEnd-- }), 4, "0/3E7"},
		"capture was interrupted": {known, with(func(o *movie.Origin) { o.Fresh, o.Lost = true, "gone" }), 4, "gone"},
	} {
		got, reason := nextState(c.known, c.origin)
		if got.Epoch != c.epoch || (reason == "") != (c.reason == "") || !strings.Contains(reason, c.reason) {
			t.Errorf("%s: epoch %d because of %q, want %d because of %q", name, got.Epoch, reason, c.epoch, c.reason)
		}
		if got.SystemID != c.origin.SystemID || got.Timeline != c.origin.Timeline {
			t.Errorf("%s: the state is of %s, %d", name, got.SystemID, got.Timeline)
		}
	}
}
