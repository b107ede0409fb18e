package check

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReproducibleBuild builds a command as the Dockerfile does, here and from a copy
// of the sources in another folder: the bytes are the same, so no path, time or
// checkout is in them. (That Go's compiler repeats itself is Go's own promise and
// test; both builds use one cache.)
func TestReproducibleBuild(t *testing.T) {
	const flags = "-trimpath -buildvcs=false"
	dockerfile, err := os.ReadFile(filepath.Join(deploy, "Dockerfile"))
	if err != nil || !strings.Contains(string(dockerfile), flags) {
		t.Fatalf("the Dockerfile does not build with %s: %v", flags, err)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "elsewhere")
	for _, folder := range []string{"cmd", "internal", "indexer", "search", "mappings", "api", "deploy/stack"} {
		if err := os.CopyFS(filepath.Join(copied, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, file), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	build := func(from, to string) []byte {
		args := append(append([]string{"build"}, strings.Fields(flags)...), "-ldflags", "-s -w -X movies/internal/config.version=v1", "-o", to, "./cmd/catalog")
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = from, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		program, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		return program
	}
	here := build(root, filepath.Join(dir, "here"))
	there := build(copied, filepath.Join(dir, "there"))
	if !bytes.Equal(here, there) {
		t.Errorf("two builds of the same sources differ: %d and %d bytes", len(here), len(there))
	}
}
