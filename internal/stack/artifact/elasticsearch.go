package artifact

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// analysis is a plugin of ours. The published package of Elasticsearch has the
// modules of security, but not the analysis that the index of API keys asks for.
//
//go:embed Analysis.java
var analysis []byte

// addAnalysis compiles the plugin against the server in dir and installs it there.
func addAnalysis(ctx context.Context, javaHome, dir string) (err error) {
	servers, err := filepath.Glob(filepath.Join(dir, "lib", "elasticsearch-[0-9]*.jar"))
	if err != nil || len(servers) != 1 {
		return fmt.Errorf("expected one elasticsearch-VERSION.jar in lib, got %d", len(servers))
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(servers[0]), "elasticsearch-"), ".jar")
	plugin := filepath.Join(dir, "plugins", "analysis")
	classes := filepath.Join(dir, "plugins.classes")
	defer func() { _ = os.RemoveAll(classes) }()
	for _, folder := range []string{plugin, classes} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	source := filepath.Join(classes, "Analysis.java")
	if err := os.WriteFile(source, analysis, 0o644); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"javac", "--release", "17", "-cp", filepath.Join(dir, "lib", "*"), "-d", filepath.Join(classes, "all"), source},
		{"jar", "--create", "--file", filepath.Join(plugin, "analysis.jar"), "-C", filepath.Join(classes, "all"), "."},
	} {
		cmd := exec.CommandContext(ctx, filepath.Join(javaHome, "bin", command[0]), command[1:]...)
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s of the JDK at %s: %w: %s", command[0], javaHome, err, output)
		}
	}
	descriptor := strings.Join([]string{"name=analysis", "description=analysis", "classname=Analysis",
		"version=" + version, "elasticsearch.version=" + version, "java.version=17", ""}, "\n")
	return os.WriteFile(filepath.Join(plugin, "plugin-descriptor.properties"), []byte(descriptor), 0o644)
}
