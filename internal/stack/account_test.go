package stack

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"movies/internal/stack/supervisor"
)

func TestCanEnter(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.Mkdir(secret, 0o700); err != nil {
		t.Fatal(err)
	}
	nobody := account{&syscall.Credential{Uid: 65534, Gid: 65534}}
	for dir, want := range map[string]bool{
		"/":                             true,
		"/usr/bin":                      true,
		"/not/there/yet":                true,
		secret:                          false,
		filepath.Join(secret, "deeper"): false,
	} {
		if got := nobody.canEnter(dir); got != want {
			t.Errorf("canEnter(%s) = %v, want %v", dir, got, want)
		}
		if !(account{}).canEnter(dir) {
			t.Errorf("the caller's own account cannot enter %s", dir)
		}
	}
}

func TestDataOfAFolderThatTheServersCannotEnter(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs servers as somebody else")
	}
	as, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere(dir)) })
	data := dataFolder(t, as, dir)
	if !as.canEnter(data) {
		t.Fatalf("the servers cannot enter %s", data)
	}
	kept := filepath.Join(data, "kept")
	if err := os.WriteFile(kept, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if dataFolder(t, as, dir); !exists(kept) {
		t.Error("the data of the boot before is gone")
	}
	if err := os.Remove(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if dataFolder(t, as, dir); exists(kept) {
		t.Error("a folder that was removed and made again has its old data")
	}
}

func dataFolder(t *testing.T, as account, dir string) string {
	t.Helper()
	data, err := as.dataFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestCleanRefusesWhileAStackRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	quiet := func(string) {}
	owner, err := supervisor.New(dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir, quiet); !errors.Is(err, supervisor.ErrLocked) {
		t.Errorf("got error %v, want ErrLocked", err)
	}
	if err := owner.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir, quiet); err != nil || exists(filepath.Join(dir, "run")) {
		t.Errorf("the folder is not clean; error %v", err)
	}
}
