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

// A repair that is done is not due any more; one that became due later is.
func TestRepairIsDueUntilDone(t *testing.T) {
	t.Parallel()
	c := newTestClient(t)
	due := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := RelayState{Epoch: 2, SystemID: "7", Timeline: 2, LSN: 0xFF, At: due, RepairReason: "restored", RepairSince: due}
	for _, step := range []struct {
		repaired time.Time
		reason   string
	}{{due.Add(-time.Minute), "restored"}, {due.Add(time.Minute), ""}} {
		if err := c.SaveRepaired(t.Context(), step.repaired); err != nil {
			t.Fatal(err)
		}
		if err := c.SaveRelayState(t.Context(), s); err != nil { // as the relay does every few seconds
			t.Fatal(err)
		}
		got, err := c.LoadRelayState(t.Context())
		if err != nil || got.RepairReason != step.reason || got.RepairSince.IsZero() != (step.reason == "") || got.Epoch != 2 {
			t.Errorf("repaired at %v: %+v, %v", step.repaired, got, err)
		}
	}
}

func TestRelayStateOfANewerSchemaIsRefused(t *testing.T) {
	if s, err := decodeState([]byte(`{"schema":2,"epoch":3}`)); err == nil {
		t.Errorf("read as %+v", s)
	}
}
