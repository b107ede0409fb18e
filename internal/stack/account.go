package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Where programs and data lie when root runs the stack from a folder that the
// servers' account may not enter.
const (
	rootCache = "/var/cache/movies-stack"
	rootData  = "/var/lib/movies-stack"
)

// account is who the servers run as. PostgreSQL and OpenSearch refuse root, so
// for root it is the user nobody; for anybody else it is the caller.
type account struct {
	credential *syscall.Credential // nil: the caller
}

func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return account{}, fmt.Errorf("the servers refuse to run as root, and there is no user to run them as instead: %w", err)
	}
	uid, uidErr := strconv.ParseInt(nobody.Uid, 10, 64)
	gid, gidErr := strconv.ParseInt(nobody.Gid, 10, 64)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return account{}, fmt.Errorf("user nobody: %w", err)
	}
	return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// canEnter reports whether the account may pass through dir and every folder
// above it. Folders that are not there yet count as enterable.
func (a account) canEnter(dir string) bool {
	if a.credential == nil {
		return true
	}
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 && !a.owns(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (a account) owns(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == a.credential.Uid
}

// mkdir makes a folder that belongs to the account alone.
func (a account) mkdir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return a.own(dir)
}

// writeFile writes a file that belongs to the account alone.
func (a account) writeFile(name, content string) error {
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		return err
	}
	return a.own(name)
}

func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// cacheFolder is where unpacked programs are shared by the stacks of a machine.
func (a account) cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil && a.canEnter(dir) {
		return filepath.Join(dir, "movies-stack"), nil
	}
	if a.credential != nil {
		return rootCache, nil
	}
	return "", fmt.Errorf("no folder to keep downloads in: %w", err)
}

// dataFolder makes and returns the folder of the servers' data: dir/data, or,
// where the account cannot get there, another one that dir/data links to.
func (a account) dataFolder(dir string) (string, error) {
	data := filepath.Join(dir, "data")
	if a.canEnter(dir) {
		return data, a.mkdir(data)
	}
	target := elsewhere(dir)
	switch linked, err := os.Readlink(data); {
	case errors.Is(err, os.ErrNotExist):
		// Whatever lies there belongs to a folder of this name that was removed.
		if err := os.RemoveAll(target); err != nil {
			return "", err
		}
		if err := os.MkdirAll(rootData, 0o755); err != nil {
			return "", err
		}
		if err := os.Symlink(target, data); err != nil {
			return "", err
		}
	case err != nil || linked != target:
		return "", fmt.Errorf("%s is in the way: the servers' account cannot enter it; remove it", data)
	}
	return target, a.mkdir(target)
}

// elsewhere is the folder outside of dir that dir/data may link to.
func elsewhere(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(rootData, hex.EncodeToString(sum[:8]))
}
