package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dashboard is the part of Grafana's JSON that can go wrong here.
type dashboard struct {
	UID         string
	Title       string
	Annotations struct{ List []struct{ Expr string } }
	Templating  struct{ List []struct{ Name string } }
	Panels      []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, LegendFormat string }
	}
}

// TestDashboards: their queries ask for what exists, and their panels do not lie on
// each other.
func TestDashboards(t *testing.T) {
	all := exported(t)
	files, err := filepath.Glob(filepath.Join(deploy, "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID == "" || d.Title == "" || len(d.Panels) < 10 {
			t.Errorf("%s: uid %q, title %q, %d panels", file, d.UID, d.Title, len(d.Panels))
		}
		for _, a := range d.Annotations.List {
			checkQuery(t, d.Title+": annotation", a.Expr, all)
		}
		checkPanels(t, d, all)
	}
}

func checkPanels(t *testing.T, d dashboard, all map[string]metric) {
	t.Helper()
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: id %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("%s lies on %q or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s: shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkQuery(t, p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"), all)
		}
	}
}
