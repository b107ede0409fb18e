package artifact

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// module is a part of OpenSearch that its distribution of version 2 leaves out
// and that is published as jars.
type module struct {
	name, class string
	jars        []string // patterns
}

// modules2 are those that index analysis and rank features need.
var modules2 = []module{
	{
		"analysis-common", "org.opensearch.analysis.common.CommonAnalysisPlugin",
		[]string{"analysis-common-*.jar", "opensearch-scripting-painless-spi-*.jar"},
	},
	{"mapper-extras", "org.opensearch.index.mapper.MapperExtrasPlugin", []string{"mapper-extras-client-*.jar"}},
}

// unpackOpenSearch2 unpacks the distribution and puts the modules in.
func unpackOpenSearch2(downloads, dir string) error {
	if err := unpackDistribution(downloads, dir); err != nil {
		return err
	}
	for _, m := range modules2 {
		if err := m.install(downloads, filepath.Join(dir, "modules", m.name)); err != nil {
			return fmt.Errorf("module %s: %w", m.name, err)
		}
	}
	return nil
}

// install moves the jars into the folder and describes them there as the server
// asks of a module.
func (m module) install(downloads, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	version := ""
	for _, pattern := range m.jars {
		jars, err := filepath.Glob(filepath.Join(downloads, pattern))
		if err != nil {
			return err
		}
		if len(jars) != 1 {
			return fmt.Errorf("expected one %s, got %d", pattern, len(jars))
		}
		name := filepath.Base(jars[0])
		before, after, _ := strings.Cut(pattern, "*")
		version = strings.TrimSuffix(strings.TrimPrefix(name, before), after)
		if err := os.Rename(jars[0], filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "plugin-descriptor.properties"), []byte(strings.Join([]string{
		"name=" + m.name, "description=" + m.name, "classname=" + m.class,
		"version=" + version, "opensearch.version=" + version, "java.version=11",
		"custom.foldername=", "extended.plugins=", "has.native.controller=false", "",
	}, "\n")), 0o644)
}
