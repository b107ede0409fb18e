package api

import (
	_ "embed"
	"fmt"
	"net/http"

	"sigs.k8s.io/yaml"
)

//go:embed openapi.yaml
var openapiYAML []byte

// specification serves openapi.yaml as JSON. The file is the one description of
// what clients may send; a test checks that it and the handlers agree.
func specification() (http.Handler, error) {
	body, err := yaml.YAMLToJSON(openapiYAML)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return static("application/json", body), nil
}
