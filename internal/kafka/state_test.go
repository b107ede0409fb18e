package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRelayStateOfTheHighestEpochWins(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	ctx := t.Context()
	if s, err := c.LoadRelayState(ctx); err != nil || s != (RelayState{}) {
		t.Fatalf("before anything was saved: %+v, %v", s, err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := RelayState{Epoch: 1, SystemID: "7", Timeline: 1, LSN: 0x1_0000_0010, At: at}
	two := RelayState{Epoch: 2, SystemID: "7", Timeline: 2, LSN: 0xFF, At: at, RepairReason: "restored", RepairSince: at}
	late := one // by a relay of the old epoch that was cut off
	late.LSN++
	behind := two // by a relay that lost the slot and has not noticed
	behind.LSN--
	for _, s := range []RelayState{one, two, late, behind} {
		if err := c.SaveRelayState(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.LoadRelayState(ctx)
	if diff := cmp.Diff(two, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestRelayStateOfANewerSchemaIsRefused(t *testing.T) {
	if s, err := decodeState([]byte(`{"schema":2,"epoch":3}`)); err == nil {
		t.Errorf("read as %+v", s)
	}
}
