package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build compiles the service's commands of the checkout into the demo's folder,
// which takes a moment only when something has changed.
func (d *demo) build(ctx context.Context) error {
	module, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	root := filepath.Dir(strings.TrimSpace(string(module)))
	if _, statErr := os.Stat(filepath.Join(root, "cmd", "demo")); err != nil || statErr != nil {
		return fmt.Errorf("the demo builds the service from its sources: run it with Go installed, inside the checkout (make demo)")
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-o", d.bin+string(filepath.Separator),
		"./cmd/api", "./cmd/auth", "./cmd/catalog", "./cmd/indexer", "./cmd/reindex", "./cmd/relay")
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the service: %w\n%s", err, output.Bytes())
	}
	d.report("service: built")
	return nil
}
