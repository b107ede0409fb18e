package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
)

// specification is openapi.yaml as clients get it.
func (s *service) specification() (*openapi3.T, routers.Router) {
	s.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(s.get("/openapi.json").body)
	if err != nil {
		s.t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return doc, router
}

func TestSpecificationIsValid(t *testing.T) {
	t.Parallel()
	doc, _ := newService(t, nil).specification()
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaPatternValidation()); err != nil {
		t.Error(err)
	}
	ids := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			where := method + " " + path
			if o.OperationID == "" || o.Summary == "" || len(o.Tags) == 0 || ids[o.OperationID] != "" {
				t.Errorf("%s: needs a summary, a tag and an id of its own", where)
			}
			ids[o.OperationID] = where
			for _, p := range o.Parameters {
				if p.Value.Description == "" {
					t.Errorf("%s: %s has no description", where, p.Value.Name)
				}
			}
		}
	}
}

// TestParametersAgree: every route refuses a parameter that nobody knows and
// names all it does know; that list and the specification's are the same.
func TestParametersAgree(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	doc, _ := s.specification()
	checked := 0
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || !strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1/me") {
			continue
		}
		checked++
		var described []string
		for _, p := range item.Get.Parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				described = append(described, p.Value.Name)
			}
		}
		slices.Sort(described)
		problem := s.get(strings.ReplaceAll(path, "{id}", "1")+"?no_such_parameter=1").mustFail(t, 400)
		known := ""
		for _, e := range problem.Errors {
			if e.Field == "no_such_parameter" {
				_, known, _ = strings.Cut(e.Detail, "Known: ")
			}
		}
		if diff := cmp.Diff(described, strings.Split(known, ", ")); diff != "" {
			t.Errorf("%s: described and known parameters differ: %s", path, diff)
		}
	}
	if checked < 5 {
		t.Errorf("only %d operations checked", checked)
	}
}

// TestExamplesWork asks with each example of the specification.
func TestExamplesWork(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	doc, _ := s.specification()
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || !strings.HasPrefix(path, "/v1/") {
			continue
		}
		for _, p := range item.Get.Parameters {
			if p.Value.Example == nil || p.Value.In != openapi3.ParameterInQuery {
				continue
			}
			query := "?" + p.Value.Name + "=" + url.QueryEscape(fmt.Sprint(p.Value.Example))
			// The catalogue has both, a movie 1 and a person 8.
			id := "1"
			if strings.HasPrefix(path, "/v1/people/") {
				id = "8"
			}
			if a := s.get(strings.ReplaceAll(path, "{id}", id) + query); a.status != http.StatusOK {
				t.Errorf("%s%s: %d %s", path, query, a.status, a.body)
			}
		}
	}
}

// TestAnswersAreAsSpecified asks every operation for success and for failure, and
// validates questions and answers against the specification.
func TestAnswersAreAsSpecified(t *testing.T) {
	t.Parallel()
	s := newService(t, films())
	doc, router := s.specification()
	asked := map[string]bool{}
	for path, status := range map[string]int{
		"/v1/movies":                    200,
		"/v1/movies?limit=2&sort=title": 200,
		"/v1/movies?q=alien+1979&highlight=true&facets=genre,language,country,year,decade,keyword": 200,
		"/v1/movies?q=allien&genre=horror":  200,
		"/v1/movies?ids=1,3&fields=id,cast": 200,
		"/v1/movies?yaer=1":                 400,
		"/v1/movies/1":                      200,
		"/v1/movies/tt0078748":              200,
		"/v1/movies/77":                     404,
		"/v1/movies/1/similar":              200,
		"/v1/movies/77/similar":             404,
		"/v1/people/8":                      200,
		"/v1/people/77":                     404,
		"/v1/suggest?q=a":                   200,
		"/v1/suggest?q=sigourn":             200,
		"/v1/suggest":                       400,
		"/healthz":                          200,
		"/readyz":                           200,
		"/metrics":                          200,
		"/openapi.json":                     200,
		"/":                                 200,
		"/movies/1":                         200,
		"/movies/77":                        404,
		"/people/8":                         200,
		"/watchlist":                        501,
		"/movies/new":                       501,
		"/movies/1/edit":                    501,
		"/assets/app.js":                    200,
		"/assets/nothing.js":                404,
	} {
		asked[s.mustMatch(router, path, status)] = true
	}
	for path, item := range doc.Paths.Map() {
		if item.Get != nil && !asked[item.Get.OperationID] && !strings.HasPrefix(path, "/auth/") && !strings.HasPrefix(path, "/v1/me") {
			t.Errorf("GET %s is not asked here", path)
		}
	}
}

// mustMatch asks, and returns the id of the operation that the specification has
// for the path.
func (s *service) mustMatch(router routers.Router, path string, status int) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	route, vars, err := router.FindRoute(request)
	if err != nil {
		s.t.Errorf("%s: %v", path, err)
		return ""
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: vars, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil && status < 400 {
		s.t.Errorf("%s is answered, but not specified: %v", path, err)
	}
	a := s.get(path)
	if a.status != status {
		s.t.Errorf("%s: got %d, want %d: %s", path, a.status, status, a.body)
	}
	options.ExcludeResponseBody = !strings.Contains(a.header.Get("Content-Type"), "json")
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: a.status, Header: a.header, Options: options}
	output.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(context.Background(), output); err != nil {
		s.t.Errorf("%s: %v", path, err)
	}
	if response := route.Operation.Responses.Status(a.status); response != nil && !options.ExcludeResponseBody {
		for _, field := range undescribed(response.Value.Content.Get(a.header.Get("Content-Type")).Schema.Value, decode[any](s.t, a), "") {
			s.t.Errorf("%s: the answer's %s is not in the specification", path, field)
		}
	}
	return route.Operation.OperationID
}

// undescribed are the fields of a JSON value that its schema does not know.
// Clients must bear fields that are new to them, so the schemas stay open.
func undescribed(schema *openapi3.Schema, value any, path string) []string {
	var out []string
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			out = append(out, undescribed(schema.Items.Value, v, path+"[]")...)
		}
	case map[string]any:
		known := properties(schema)
		for name, v := range value {
			switch {
			case known[name] != nil:
				out = append(out, undescribed(known[name].Value, v, path+"."+name)...)
			case schema.AdditionalProperties.Schema != nil:
				out = append(out, undescribed(schema.AdditionalProperties.Schema.Value, v, path+"."+name)...)
			case len(known) > 0:
				out = append(out, path+"."+name)
			}
		}
	}
	return out
}

func properties(schema *openapi3.Schema) openapi3.Schemas {
	all := openapi3.Schemas{}
	for name, p := range schema.Properties {
		all[name] = p
	}
	for _, part := range schema.AllOf {
		for name, p := range properties(part.Value) {
			all[name] = p
		}
	}
	return all
}

func TestUndescribedFieldsAreSeen(t *testing.T) {
	t.Parallel()
	doc, _ := newService(t, nil).specification()
	answer := map[string]any{"items": []any{map[string]any{"id": 1, "colour": "red"}}, "cursed": true}
	got := undescribed(doc.Components.Schemas["Page"].Value, answer, "")
	slices.Sort(got)
	if diff := cmp.Diff([]string{".cursed", ".items[].colour"}, got); diff != "" {
		t.Error(diff)
	}
}
