// Package architecture holds one test: the direction of dependencies that
// README.md draws is a failing build, not advice.
package architecture_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "movies"

// owners: the only folders whose packages may import a vendor's SDK; where there
// is none, only tests may.
var owners = map[string][]string{
	"github.com/elastic/":             {"search/opensearch"},
	"github.com/segmentio/kafka-go":   {"internal/kafka"},
	"github.com/jackc/":               {"internal/postgres", "internal/stack", "deploy/bench/reference"},
	"github.com/coreos/go-oidc":       {"internal/auth"},
	"github.com/zitadel/oidc":         {"internal/auth/demoprovider"},
	"github.com/gorilla/mux":          {"api"},
	"github.com/redis/rueidis":        {"search/cache"},
	"github.com/alecthomas/kong":      {"internal/config", "cmd"},
	"github.com/getkin/kin-openapi":   {"api"},
	"github.com/Shopify/toxiproxy/v2": {},
}

// forbidden: packages under the first folder never import those under the others.
var forbidden = []struct {
	from string
	to   []string
}{
	{"api", []string{"internal/postgres", "search/opensearch", "indexer", "cmd"}},
	{"indexer", []string{"api", "internal/postgres", "cmd"}},
	{"search", []string{"api", "indexer", "internal/postgres", "cmd"}},
	{"mappings", []string{"api", "search", "indexer", "internal/postgres", "internal/kafka", "internal/auth", "cmd"}},
	{"internal", []string{"api", "search", "indexer", "mappings", "deploy", "cmd"}},
	{"cmd", []string{"cmd"}},
}

func TestDependencyRule(t *testing.T) {
	imports := 0
	walkImports(t, func(pkg, imported string, isTest bool) {
		imports++
		local, isLocal := strings.CutPrefix(imported, module+"/")
		switch {
		case isTest: // tests may wire what the product must not
		case pkg == "internal/movie" && (isLocal || strings.Contains(imported, ".")):
			t.Errorf("%s imports %s: it may import the standard library only", pkg, imported)
		case isLocal:
			checkDirection(t, pkg, local)
		default:
			checkOwner(t, pkg, imported)
		}
	})
	if imports < 100 {
		t.Errorf("only %d imports seen: the walk does not cover the tree", imports)
	}
}

func checkDirection(t *testing.T, pkg, local string) {
	t.Helper()
	for _, rule := range forbidden {
		if !under(pkg, rule.from) {
			continue
		}
		for _, to := range rule.to {
			if under(local, to) && !sameCommand(pkg, local) {
				t.Errorf("%s imports %s: %s never imports %s", pkg, local, rule.from, to)
			}
		}
	}
}

// sameCommand allows a command's own sub-packages.
func sameCommand(pkg, local string) bool {
	return under(pkg, "cmd") && len(strings.Split(local, "/")) > 2 && strings.HasPrefix(local, strings.Join(strings.Split(pkg, "/")[:2], "/")+"/")
}

func checkOwner(t *testing.T, pkg, imported string) {
	t.Helper()
	for prefix, folders := range owners {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		owned := false
		for _, folder := range folders {
			owned = owned || under(pkg, folder)
		}
		if !owned {
			t.Errorf("%s imports %s: only %v may", pkg, imported, folders)
		}
	}
}

func under(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// walkImports calls visit for every import of every Go file of the module.
func walkImports(t *testing.T, visit func(pkg, imported string, isTest bool)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel), imported, strings.HasSuffix(path, "_test.go"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
