package main

import "math"

// machines is what a scenario needs at its peak.
type machines struct {
	peak          float64 // requests a second
	engine        float64 // of them to the search cluster
	shards        int     // primaries
	searchCores   float64 // kept busy by searches and writes
	searchNodes   int
	apiCores      float64
	indexers      int
	postgresBytes float64
	loadHours     float64 // of an empty catalogue, by one import
	buildHours    float64 // of a new index, by one reindex
	bottleneck    string  // what decides on the number of search nodes, or is past its measured bound
}

// plan reckons the machines of a scenario.
func plan(s scenario, cached bool) machines {
	m := machines{peak: s.hitsADay / 86400 * peakFactor, shards: int(math.Ceil(s.movies / shardMovies)), postgresBytes: s.movies * postgresBytes,
		loadHours: s.movies * loadCost / 3600}
	m.searchCores, m.engine = searchWork(s, m.peak, cached)
	writes := m.peak * writeShare
	m.searchCores += writes * copies / bulkPerCore
	m.apiCores = m.peak * apiCost
	m.indexers = max(2, int(math.Ceil(writes/(bulkPerCore*busy))))
	m.searchNodes, m.bottleneck = searchNodes(s, m.searchCores)
	m.buildHours = s.movies / min(buildPerSecond, bulkPerCore*busy*float64(m.searchNodes*nodeCores)/copies) / 3600
	if writes > capturePerSecond*busy {
		m.bottleneck = "changes captured by one Postgres"
	}
	return m
}

// searchWork is the cores that searches keep busy, and the searches a second.
func searchWork(s scenario, rate float64, cached bool) (cores, perSecond float64) {
	for _, k := range kinds {
		missed := rate * k.share
		if cached {
			missed *= 1 - hitRatio(rate*k.share, k.cachedFor)
		}
		perSecond += missed
		cores += missed * k.cost(s.movies)
	}
	return cores, perSecond
}

// searchNodes is the largest of what each resource asks for; at least three, so that
// one may go, in three zones.
func searchNodes(s scenario, cores float64) (nodes int, bottleneck string) {
	index := s.movies * storeBytes * copies
	for _, r := range []struct {
		name  string
		needs float64
	}{
		{"three zones", 3},
		{"search CPU", cores / (nodeCores * busy)},
		{"page cache", index / (nodeMemory / 2)}, // half is heap
		{"disk", 2 * index / (nodeDisk * busy)},  // a reindex has two indices
	} {
		if n := int(math.Ceil(r.needs)); n > nodes {
			nodes, bottleneck = n, r.name
		}
	}
	return nodes, bottleneck
}

// hitRatio is the share of requests that a cache answers whose entries live for
// ttl seconds, shared by all api processes: for a question asked l times a second,
// l*ttl of 1+l*ttl requests find the answer that the first one left.
func hitRatio(rate, ttl float64) float64 {
	if ttl == 0 {
		return 0
	}
	hit := 0.0
	for rank := 1.0; rank <= distinct; rank++ {
		p := (1 - neverRepeated) * math.Pow(rank, -exponent) / harmonic
		hit += p * (rate * p * ttl) / (1 + rate*p*ttl)
	}
	return hit
}

// harmonic makes the shares of all questions one.
var harmonic = func() (sum float64) {
	for rank := 1.0; rank <= distinct; rank++ {
		sum += math.Pow(rank, -exponent)
	}
	return sum
}()
