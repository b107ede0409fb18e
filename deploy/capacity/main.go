// Command capacity turns what was measured into machines: how many of each kind
// for so many hits a day over so many movies, which resource is short first, and
// how a peak day goes when things break.
//
//	go run ./deploy/capacity
//
// Its promise: every number comes from a measurement that is named beside it, or
// says that it is assumed (inputs.go). What it gives are orders of magnitude: the
// measurements are of 2 noisy cores. Measure again on the machines to be bought,
// put the figures into inputs.go, and read the tables anew.
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

func main() {
	if err := report(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

// scenario is a size to plan for.
type scenario struct {
	hitsADay float64
	movies   float64
}

// hits and movies are the sizes of the tables: today, five times that, and ten
// times more.
var (
	hits   = []float64{15e6, 75e6, 750e6}
	movies = []float64{5e6, 25e6, 250e6}
)

func report(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Inputs\nwhat\tper second and core\tfrom\n")
	for _, k := range kinds {
		fmt.Fprintf(w, "%s at 5 M movies\t%.0f\t%s\n", k.name, 1/k.cost(5e6), k.source)
	}
	for _, cached := range []bool{true, false} {
		fmt.Fprintf(w, "\nMachines at the peak, %s (search nodes of %d cores and %.0f GB)\n", cacheName(cached), nodeCores, nodeMemory/1e9)
		fmt.Fprintf(w, "hits/day\tmovies\tpeak/s\tto the cluster/s\tshards\tsearch cores\tsearch nodes\tapi cores\tindexers\tPostgres GB\tfirst load\tfirst build\tshort first\n")
		for _, h := range hits {
			for _, m := range movies {
				p := plan(scenario{h, m}, cached)
				fmt.Fprintf(w, "%.0f M\t%.0f M\t%.0f\t%.0f\t%d\t%.0f\t%d\t%.0f\t%d\t%.0f\t%.1f h\t%.1f h\t%s\n", h/1e6, m/1e6, p.peak, p.engine,
					p.shards, p.searchCores, p.searchNodes, p.apiCores, p.indexers, p.postgresBytes/1e9, p.loadHours, p.buildHours, p.bottleneck)
			}
		}
	}
	for i := range hits {
		s := scenario{hits[i], movies[i]}
		fmt.Fprintf(w, "\nA peak day, %.0f M hits over %.0f M movies, with the machines above\n", s.hitsADay/1e6, s.movies/1e6)
		fmt.Fprintf(w, "what happens at the peak\tshed that day\tworst minute shed\tcluster at most\tapi replicas at most\n")
		for _, e := range troubles {
			d := simulate(s, plan(s, true), e)
			fmt.Fprintf(w, "%s\t%.3f %%\t%.1f %%\t%.0f %%\t%d\n", e.name, 100*d.shed, 100*d.worstMinute, 100*d.utilisation, d.replicas)
		}
	}
	return w.Flush()
}

func cacheName(cached bool) string {
	if cached {
		return "answers cached for 10 s"
	}
	return "no answer cached"
}
