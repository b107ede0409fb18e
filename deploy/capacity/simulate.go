package main

import "math"

// trouble is what happens in the hour of the peak.
type trouble struct {
	name       string
	nodeLost   bool // one search node, for 15 minutes
	cacheEmpty bool // all cached answers at once
	reindex    bool // at the rate that leaves searches a fifth of the cores
	releases   bool // api processes replaced one by one
}

var troubles = []trouble{
	{name: "nothing"},
	{name: "a search node is lost", nodeLost: true},
	{name: "the cache is flushed", cacheEmpty: true},
	{name: "a reindex", reindex: true},
	{name: "a release of the api", releases: true},
	{name: "all of it", nodeLost: true, cacheEmpty: true, reindex: true, releases: true},
}

// day is how a simulated day went.
type day struct {
	shed        float64 // share of the day's requests
	worstMinute float64 // share shed in it
	utilisation float64 // of the cluster, at most; 1 is when it sheds
	replicas    int     // of the api, at most
}

// The autoscaler, as in deploy/k8s/base/api.yaml.
const (
	tick           = 1.0 // second
	replicaCores   = 2.0
	cpuTarget      = 0.65
	leastReplicas  = 3
	decideEvery    = 15   // seconds
	startsIn       = 30   // seconds until a new process serves
	scaleDownAfter = 600  // seconds
	troubleAt      = 20.0 // o'clock
	reindexShare   = 0.2  // of the cores, by --max-rate
	releaseShare   = 0.1  // of the processes are away at a time
)

// simulate runs a day on these machines, second by second: requests follow the
// day's curve, the cluster and the processes answer what they can, and the rest is
// shed.
func simulate(s scenario, p machines, e trouble) day {
	var d day
	perMiss, missRatio := missCost(s, p.peak)
	api := autoscaler{replicas: leastReplicas}
	var asked, shed, minuteAsked, minuteShed float64
	for now := 0.0; now < 86400; now += tick {
		rate := rateAt(s, now)
		since := now - troubleAt*3600
		cores, misses := clusterAt(p, e, since), missRatio
		if e.cacheEmpty && since >= 0 && since < 10 {
			misses = 1 - (1-missRatio)*since/10 // entries live for 10 s, so after that it is as before
		}
		answerable := 1.0
		work := rate * misses * perMiss
		d.utilisation = max(d.utilisation, min(1, work/cores))
		if work > cores {
			answerable = (1 - misses) + misses*cores/work // what is cached is answered still
		}
		serving := api.serving(now, rate*apiCost)
		if e.releases && since >= 0 && since < 900 {
			serving *= 1 - releaseShare
		}
		answerable = min(answerable, serving*replicaCores/(rate*apiCost), 1)
		d.replicas = max(d.replicas, api.replicas)
		asked, shed = asked+rate, shed+rate*(1-answerable)
		minuteAsked, minuteShed = minuteAsked+rate, minuteShed+rate*(1-answerable)
		if math.Mod(now, 60) == 59 {
			d.worstMinute = max(d.worstMinute, minuteShed/minuteAsked)
			minuteAsked, minuteShed = 0, 0
		}
	}
	d.shed = shed / asked
	return d
}

// missCost is the core seconds of a request that the cache does not answer, and the
// share of such requests, both as at the peak.
func missCost(s scenario, peak float64) (perMiss, ratio float64) {
	cores, missed := searchWork(s, peak, true)
	return cores / missed, missed / peak
}

// rateAt is the day's curve: from half of the average at night to the peak.
func rateAt(s scenario, second float64) float64 {
	const (
		steepness = 4.0
		mean      = 0.2070019                          // of exp(-steepness (1 - cos x)) over a day
		floor     = (1 - peakFactor*mean) / (1 - mean) // so that the mean of the day is the average
	)
	x := 2 * math.Pi * (second/3600 - troubleAt) / 24
	bump := math.Exp(-steepness * (1 - math.Cos(x)))
	return s.hitsADay / 86400 * (floor + (peakFactor-floor)*bump)
}

// clusterAt is the cores that are left for searches.
func clusterAt(p machines, e trouble, since float64) float64 {
	cores := float64(p.searchNodes * nodeCores)
	if e.nodeLost && since >= 0 && since < 900 {
		cores -= nodeCores
	}
	if e.reindex && since >= -1800 {
		cores *= 1 - reindexShare
	}
	return cores
}

// autoscaler keeps the processes' CPU at a target, late.
type autoscaler struct {
	replicas int
	starting []float64 // when they serve
	calm     float64   // since when fewer would do
}

// serving is the number of processes that answer; work is the cores asked for.
func (a *autoscaler) serving(now, work float64) float64 {
	late := 0
	for _, at := range a.starting {
		if at > now {
			late++
		}
	}
	if math.Mod(now, decideEvery) != 0 {
		return float64(a.replicas - late)
	}
	want := max(leastReplicas, int(math.Ceil(work/(replicaCores*cpuTarget))))
	switch {
	case want > a.replicas:
		for range want - a.replicas {
			a.starting = append(a.starting, now+startsIn)
		}
		a.replicas, a.calm = want, now
	case want == a.replicas:
		a.calm = now
	case now-a.calm > scaleDownAfter:
		a.replicas, a.calm, a.starting = want, now, nil
	}
	return float64(a.replicas - late)
}
