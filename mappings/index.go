package mappings

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Version of the mapping, also found in an index's mappings._meta.version.
const Version = 2

//go:embed index.json
var index []byte

// Options are what differs between deployments. One shard fits some ten million
// movies; a production of 25 M takes 2 to 6, and one replica or more.
type Options struct {
	Shards   int
	Replicas int
}

// Index is the body of a create-index request: settings, analysis and mapping.
//
// index.gc_deletes is how long the engine remembers the version of a deleted
// document, and so refuses an older one that comes late. It is an hour, not the
// default minute: a member of the indexer's group that was taken over from may
// still have a request under way, for half a minute by its own clock and for as
// long as the cluster lets it wait by the cluster's; and Kafka may hold an older
// event again behind a newer one when a publish was repeated. An hour is far above
// both, and costs some hundred bytes of heap for each delete of the last hour.
func Index(o Options) ([]byte, error) {
	if o.Shards < 1 || o.Replicas < 0 {
		return nil, fmt.Errorf("mappings: %d shards and %d replicas: at least 1 shard and 0 replicas are needed", o.Shards, o.Replicas)
	}
	var body map[string]any
	if err := json.Unmarshal(index, &body); err != nil {
		return nil, fmt.Errorf("mappings: index.json: %w", err)
	}
	settings := body["settings"].(map[string]any)["index"].(map[string]any)
	settings["number_of_shards"], settings["number_of_replicas"] = o.Shards, o.Replicas
	return json.Marshal(body)
}
