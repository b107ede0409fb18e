package api

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"movies/internal/telemetry"
)

// TestRoutesAgree: the router and openapi.yaml have the same routes and methods.
// HEAD goes with GET and is not described; what auth answers under /auth/ is.
func TestRoutesAgree(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !strings.HasPrefix(path, "/auth/") {
				described = append(described, method+" "+path)
			}
		}
	}
	s := &server{Options: Options{Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewRegistry()}}
	router, err := s.router()
	if err != nil {
		t.Fatal(err)
	}
	var routed []string
	err = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil || route.GetName() != path {
			t.Errorf("route %q has the name %q, which metrics would show: %v", path, route.GetName(), err)
		}
		methods, err := route.GetMethods()
		for _, method := range methods {
			if method != "HEAD" {
				routed = append(routed, method+" "+path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(described)
	slices.Sort(routed)
	if diff := cmp.Diff(described, routed); diff != "" {
		t.Errorf("openapi.yaml (-) and the router (+) differ: %s", diff)
	}
}
