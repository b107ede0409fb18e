package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric is a line of metrics.tsv.
type metric struct {
	kind   string
	labels map[string]bool
}

// exported reads deploy/metrics.tsv, which a test of the service keeps equal to
// what its processes export, and adds what Prometheus and the runtime give.
func exported(t *testing.T) map[string]metric {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deploy, "metrics.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]metric{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(line, "\t")
		if len(fields) != 5 || fields[0] == "process" {
			continue
		}
		m := metric{kind: fields[2], labels: map[string]bool{}}
		for _, l := range strings.Split(fields[3], ",") {
			m.labels[l] = true
		}
		all[fields[1]] = m
	}
	if len(all) < 20 {
		t.Fatalf("metrics.tsv has only %d metrics", len(all))
	}
	for name, kind := range map[string]string{
		"up": "gauge", "process_start_time_seconds": "gauge", "process_open_fds": "gauge", "process_max_fds": "gauge",
		"process_cpu_seconds_total": "counter", "process_resident_memory_bytes": "gauge", "go_goroutines": "gauge",
		"go_gc_duration_seconds": "summary",
	} {
		all[name] = metric{kind: kind}
	}
	return all
}

// checkQuery: the expression parses, and names metrics, labels and values that
// exist. where is for messages.
func checkQuery(t *testing.T, where, query string, all map[string]metric) {
	t.Helper()
	expr, err := parser.ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, query)
		return
	}
	known := map[string]bool{"job": true, "instance": true, "le": true}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		m, ok := lookUp(all, selector.Name)
		if !ok {
			t.Errorf("%s: nothing exports %s", where, selector.Name)
			return nil
		}
		for l := range m.labels {
			known[l] = true
		}
		for _, match := range selector.LabelMatchers {
			checkMatcher(t, where, selector.Name, m, match)
		}
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, l := range a.Grouping {
				if !known[l] {
					t.Errorf("%s: groups by %s, which no metric of it has: %s", where, l, query)
				}
			}
		}
		return nil
	})
}

// lookUp finds the metric behind a series' name.
func lookUp(all map[string]metric, series string) (metric, bool) {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if m, ok := all[strings.TrimSuffix(series, suffix)]; ok && strings.HasSuffix(series, suffix) && m.kind == "histogram" {
			return m, true
		}
	}
	m, ok := all[series]
	return m, ok && m.kind != "histogram"
}

func checkMatcher(t *testing.T, where, series string, m metric, match *labels.Matcher) {
	t.Helper()
	switch match.Name {
	case labels.MetricName, "instance":
		return
	case "job":
		for _, value := range strings.Split(match.Value, "|") {
			if !strings.Contains("|api|auth|relay|indexer|", "|"+value+"|") {
				t.Errorf("%s: there is no job %s", where, value)
			}
		}
		return
	}
	if !m.labels[match.Name] {
		t.Errorf("%s: %s has no label %s", where, series, match.Name)
	}
	if match.Name == "status" && series != "movies_relay_slot_status" || strings.Contains(match.Value, "$") {
		return // a number; a dashboard's variable
	}
	for _, value := range strings.Split(match.Value, "|") {
		if !strings.ContainsAny(value, "*+") && !strings.Contains(sources(t), `"`+value+`"`) && value != "GET" {
			t.Errorf("%s: no source has the value %q of %s{%s}", where, value, series, match.Name)
		}
	}
}

// sources are all Go files of the service but its tests, in one string.
func sources(t *testing.T) string {
	t.Helper()
	if allSources == "" {
		var b strings.Builder
		for _, dir := range []string{"api", "indexer", "internal", "search", "cmd"} {
			err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
					return err
				}
				content, err := os.ReadFile(path)
				b.Write(content)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		allSources = b.String()
	}
	return allSources
}

var allSources string
