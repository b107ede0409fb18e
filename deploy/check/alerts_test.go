package check

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"sigs.k8s.io/yaml"
)

// alertCase says when an alert fires. Series have one value every 30 s, in the
// notation of Prometheus' own tests.
type alertCase struct {
	Alert  string            `json:"alert"`
	Given  string            `json:"given"`
	Series map[string]string `json:"series"`
	Fires  []string          `json:"fires"`  // after so long since the first value
	Silent []string          `json:"silent"` // does not fire then
	Labels map[string]string `json:"labels"` // of what fires
}

// rules are all alerts by name.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deploy, "alerts", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no alert rules: %v", err)
	}
	all := map[string]rulefmt.Rule{}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				if _, twice := all[r.Alert]; twice || r.Alert == "" {
					t.Errorf("%s: %q is there twice, or is no alert", file, r.Alert)
				}
				all[r.Alert] = r
			}
		}
	}
	return all
}

var labelInText = regexp.MustCompile(`\$labels\.([a-z_]+)`)

// TestAlertRules: they ask for what exists, say what is the matter, and have a page
// in the runbook.
func TestAlertRules(t *testing.T) {
	all := exported(t)
	for name, r := range rules(t) {
		checkQuery(t, name, r.Expr, all)
		if s := r.Labels["severity"]; s != "warning" && s != "critical" {
			t.Errorf("%s: severity %q is neither warning nor critical", name, s)
		}
		for _, annotation := range []string{"summary", "description"} {
			if r.Annotations[annotation] == "" {
				t.Errorf("%s: has no %s", name, annotation)
			}
		}
		for _, l := range labelInText.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
			if !strings.Contains(r.Expr, l[1]) && l[1] != "job" && l[1] != "instance" {
				t.Errorf("%s: speaks of the label %s, which the expression does not have", name, l[1])
			}
		}
		if want := "deploy/runbooks/" + name + ".md"; r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, not %s", name, r.Annotations["runbook_url"], want)
		}
	}
}

// TestRunbooks: one page for each alert, none for others, and no dead link.
func TestRunbooks(t *testing.T) {
	all := rules(t)
	pages, err := filepath.Glob(filepath.Join(deploy, "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if _, ok := all[name]; !ok {
			t.Errorf("%s belongs to no alert", page)
		}
		delete(all, name)
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, heading := range []string{"# " + name + "\n", "## What it means\n", "## Where to look\n", "## What to do\n"} {
			if !strings.Contains(string(content), heading) {
				t.Errorf("%s: lacks %q", page, heading)
			}
		}
		checkLinks(t, page, string(content))
	}
	for name := range all {
		t.Errorf("%s has no page in the runbook", name)
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	path = regexp.MustCompile("`(deploy/[^` ]+)`")
)

// checkLinks: relative links and named files of deploy/ exist.
func checkLinks(t *testing.T, page, content string) {
	t.Helper()
	var targets []string
	for _, m := range link.FindAllStringSubmatch(content, -1) {
		if m[1] != "" {
			targets = append(targets, filepath.Join(filepath.Dir(page), m[1]))
		}
	}
	for _, m := range path.FindAllStringSubmatch(content, -1) {
		targets = append(targets, filepath.Join(root, m[1]))
	}
	for _, target := range targets {
		if _, err := os.Stat(target); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
}

// TestAlertsFire evaluates every case with Prometheus' engine; every alert has one
// in which it fires and a moment in which it does not.
func TestAlertsFire(t *testing.T) {
	all := rules(t)
	fires, silent := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(deploy, "alerts", "tests", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []alertCase
		if err := yaml.UnmarshalStrict(content, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range cases {
			rule, ok := all[c.Alert]
			if !ok {
				t.Errorf("%s: there is no alert %s", file, c.Alert)
				continue
			}
			t.Run(c.Alert+"/"+c.Given, func(t *testing.T) { c.run(t, rule) })
			fires[c.Alert] = fires[c.Alert] || len(c.Fires) > 0
			silent[c.Alert] = silent[c.Alert] || len(c.Silent) > 0
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !fires[name] || !silent[name] {
			t.Errorf("%s: needs a case in which it fires, and a moment in which it is silent", name)
		}
	}
}

func (c alertCase) run(t *testing.T, rule rulefmt.Rule) {
	series := load(t, c.Series)
	at := func(times []string, want bool) {
		for _, s := range times {
			after, err := time.ParseDuration(s)
			if err != nil {
				t.Fatal(err)
			}
			firing := series.firing(t, rule, after)
			if (len(firing) > 0) != want {
				t.Errorf("after %s: firing %v, want %v", s, firing, want)
			}
			for _, l := range firing {
				for name, value := range c.Labels {
					if got := l.Get(name); got != value {
						t.Errorf("after %s: %s=%q, want %q", s, name, got, value)
					}
				}
			}
		}
	}
	at(c.Fires, true)
	at(c.Silent, false)
}

// firing are the alerts that fire so long after the first value: whose condition
// has held at every evaluation for as long as the rule asks.
func (m memory) firing(t *testing.T, rule rulefmt.Rule, after time.Duration) []seriesLabels {
	t.Helper()
	held := map[string]int{}
	var last []seriesLabels
	evaluations := int(time.Duration(rule.For)/step) + 1
	for i := range evaluations {
		at := after - time.Duration(evaluations-1-i)*step
		if at < 0 {
			return nil
		}
		result, err := m.query(context.Background(), rule.Expr, at)
		if err != nil {
			t.Fatal(err)
		}
		last = last[:0]
		for _, l := range result {
			held[fmt.Sprint(l)]++
			last = append(last, l)
		}
	}
	return slices.DeleteFunc(last, func(l seriesLabels) bool { return held[fmt.Sprint(l)] < evaluations })
}
