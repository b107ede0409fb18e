package movie

import "math"

// Heartbeats is how many ids a heartbeat has: enough for most partitions to get one.
const Heartbeats = 8

// HeartbeatIDs are ids that no movie has. A heartbeat is a commit that names
// them; it goes the whole way as the deletes of movies that are not there, and so
// measures the way without changing anything.
func HeartbeatIDs() []int64 {
	ids := make([]int64, Heartbeats)
	for i := range ids {
		ids[i] = math.MaxInt64 - Heartbeats + 1 + int64(i)
	}
	return ids
}

// IsHeartbeat tells whether an id is one of HeartbeatIDs.
func IsHeartbeat(id int64) bool { return id > math.MaxInt64-Heartbeats }
