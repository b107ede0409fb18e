package movie

import "testing"

func TestHeartbeatIDs(t *testing.T) {
	ids := HeartbeatIDs()
	for _, id := range ids {
		if !IsHeartbeat(id) {
			t.Errorf("%d is an id of a heartbeat", id)
		}
	}
	if IsHeartbeat(ids[0]-1) || IsHeartbeat(1) {
		t.Error("ids of movies are taken for heartbeats")
	}
}
