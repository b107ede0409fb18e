package main

import "math"

// point is a measurement: so many a second on so many cores, over so many movies.
type point struct {
	movies, perSecond, cores float64
}

// kind is a kind of request, its share of the traffic and its cost.
type kind struct {
	name   string
	share  float64
	points []point // by growing movies
	source string
	// cachedFor is how long an answer may be used again, in seconds; 0 for never.
	cachedFor float64
}

// kinds is the fixed workload. The shares are assumed: nobody has watched real
// people use this service yet. The other 2 % are writes.
var kinds = []kind{
	{name: "text", share: 0.25, cachedFor: 10, source: "design, measured: two frequent words over all text fields, 490/s and 63/s on 2 cores",
		points: []point{{1e6, 490, 2}, {5e6, 63, 2}}},
	{name: "typo-tolerant", share: 0.03, cachedFor: 10, source: "design, measured: fuzzy two words over titles, 128/s and 64/s on 2 cores",
		points: []point{{1e6, 128, 2}, {5e6, 64, 2}}},
	{name: "browse", share: 0.15, cachedFor: 10, source: "design, measured: genre and years by popularity, 620/s and 446/s on 2 cores",
		points: []point{{1e6, 620, 2}, {5e6, 446, 2}}},
	{name: "text with facets", share: 0.02, cachedFor: 10, source: "design, measured: text and two facets, 60/s and 9/s on 2 cores",
		points: []point{{1e6, 60, 2}, {5e6, 9, 2}}},
	{name: "suggest", share: 0.30, cachedFor: 10, source: "assumed to cost what browsing does: a prefix field, the best by popularity",
		points: []point{{1e6, 620, 2}, {5e6, 446, 2}}},
	{name: "lookup", share: 0.23, cachedFor: 1, source: "assumed: a document by its id, 4,000/s on 2 cores, whatever the size",
		points: []point{{5e6, 4000, 2}}},
}

// What the rest is reckoned with.
const (
	writeShare = 0.02

	// bulkPerCore is documents a second and core: design, raw _bulk at 5 M, 21,500/s
	// on 2 cores.
	bulkPerCore = 21500 / 2.0
	// storeBytes is the index on disk for a movie, without copies: design, 560 bytes
	// of synthetic documents of 640; real ones are assumed to be three times that.
	storeBytes = 3 * 560.0
	// capturePerSecond is single-row transactions a second with capture on: design,
	// 8,800/s live.
	capturePerSecond = 8800.0
	// buildPerSecond is movies a second that one reindex reads from Postgres and
	// sends: assumed to be what raw _bulk took on 2 cores.
	buildPerSecond = 21500.0
	// postgresBytes is a movie with people, credits, akas and indexes: measured over
	// 40,000 made-up movies with 10.4 credits each, 2,755; a little less with more.
	postgresBytes = 2755.0
	// loadCost is seconds of one of Postgres' cores that a movie takes on its way into
	// an empty catalogue, foreign keys and indexes included; measured likewise. The
	// program that sends them is busy for a third of it.
	loadCost = 102e-6
	// apiCost is assumed: core seconds for an answer, cached or not: parsing,
	// writing JSON, TLS inside the cluster.
	apiCost = 0.0008

	// distinct and exponent are the questions people ask (Zipf); neverRepeated ask
	// what nobody asked before.
	distinct      = 200_000
	exponent      = 1.0
	neverRepeated = 0.10

	// peakFactor is the peak over the average of a day.
	peakFactor = 3.0
	// busy is how much of a resource a plan uses at the peak: what is left is for
	// the loss of a node, for merges and for the unforeseen.
	busy = 0.6

	nodeCores  = 16
	nodeMemory = 64e9
	nodeDisk   = 1e12
	copies     = 2 // of each shard
	// shardMovies is the size of a shard: the largest that was measured.
	shardMovies = 5e6
)

// cost is core seconds of the cluster for one uncached request. Between the points
// it is a power of the number of movies. Past shardMovies there are more shards,
// each of which does what the measured one did: the cost grows with their number,
// the latency does not.
func (k kind) cost(movies float64) float64 {
	if len(k.points) == 1 {
		return k.points[0].cores / k.points[0].perSecond
	}
	a, b := k.points[0], k.points[len(k.points)-1]
	costA, costB := a.cores/a.perSecond, b.cores/b.perSecond
	power := math.Log(costB/costA) / math.Log(b.movies/a.movies)
	if movies <= b.movies {
		return costA * math.Pow(movies/a.movies, power)
	}
	return costB * movies / b.movies
}
