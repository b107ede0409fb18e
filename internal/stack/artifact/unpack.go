package artifact

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ulikunitz/xz"
)

// moveAll keeps the downloaded files as they are.
func moveAll(downloads, dir string) error {
	files, err := os.ReadDir(downloads)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Rename(filepath.Join(downloads, file.Name()), filepath.Join(dir, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

// unpackDistribution unpacks the one zip without its top folder. Empty folders
// matter: servers want to see theirs.
func unpackDistribution(downloads, dir string) error {
	return withZip(filepath.Join(downloads, "*.zip"), func(archive *zip.ReadCloser) error {
		for _, file := range archive.File {
			_, name, _ := strings.Cut(file.Name, "/")
			if name == "" {
				continue
			}
			if err := extract(file, dir, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// unpackRedis takes the server for this machine out of the jar of all of them.
func unpackRedis(downloads, dir string) error {
	suffix := "-" + runtime.GOOS + "-" + runtime.GOARCH
	return withZip(filepath.Join(downloads, "embedded-redis-*.jar"), func(archive *zip.ReadCloser) error {
		for _, file := range archive.File {
			if strings.HasPrefix(file.Name, "redis-server") && strings.HasSuffix(file.Name, suffix) {
				file.SetMode(0o755)
				return extract(file, dir, "redis-server")
			}
		}
		return fmt.Errorf("no redis-server for %s/%s in it", runtime.GOOS, runtime.GOARCH)
	})
}

// unpackPostgres unpacks the tar.xz inside the jar.
func unpackPostgres(downloads, dir string) error {
	return withZip(filepath.Join(downloads, "embedded-postgres-*.jar"), func(archive *zip.ReadCloser) error {
		for _, file := range archive.File {
			if !strings.HasSuffix(file.Name, ".txz") {
				continue
			}
			content, err := file.Open()
			if err != nil {
				return err
			}
			defer func() { _ = content.Close() }()
			plain, err := xz.NewReader(content)
			if err != nil {
				return err
			}
			return untar(plain, dir)
		}
		return errors.New("no postgres archive in it")
	})
}

// unpackDebezium keeps the jars and unpacks the connector beside them.
func unpackDebezium(downloads, dir string) error {
	if err := moveAll(downloads, dir); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "debezium-*.tar.gz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("expected one connector, got %d", len(archives))
	}
	file, err := os.Open(archives[0])
	if err != nil {
		return err
	}
	plain, err := gzip.NewReader(file)
	if err == nil {
		err = untar(plain, filepath.Join(dir, "plugins"))
	}
	return errors.Join(err, file.Close(), os.Remove(archives[0]))
}

// withZip opens the one file that matches the pattern.
func withZip(pattern string, use func(*zip.ReadCloser) error) (err error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("expected one %s, got %d", filepath.Base(pattern), len(files))
	}
	archive, err := zip.OpenReader(files[0])
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(files[0]), err)
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if err := use(archive); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(files[0]), err)
	}
	return nil
}

// extract writes one member of a zip, a file or a folder, as dir/name.
func extract(file *zip.File, dir, name string) error {
	if file.Mode().IsDir() {
		_, err := inside(dir, filepath.Join(name, "content"))
		return err
	}
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	return create(dir, name, file.Mode(), content)
}

// untar writes the files and links of the archive below dir.
func untar(archive io.Reader, dir string) error {
	members := tar.NewReader(archive)
	for {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeReg:
			err = create(dir, header.Name, header.FileInfo().Mode(), members)
		case tar.TypeSymlink:
			err = link(dir, header.Name, header.Linkname)
		}
		if err != nil {
			return err
		}
	}
}

// create writes a file that every account may read and, when mode says so, run.
func create(dir, name string, mode fs.FileMode, content io.Reader) error {
	path, err := inside(dir, name)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode.Perm()|0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// link makes a symbolic link to a file below dir.
func link(dir, name, target string) error {
	path, err := inside(dir, name)
	if err != nil {
		return err
	}
	if !filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
		return fmt.Errorf("%s links to %s, outside of its archive", name, target)
	}
	return os.Symlink(target, path)
}

// inside returns dir/name with its folders made, and refuses a name that leads
// out of dir.
func inside(dir, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no path inside an archive", name)
	}
	path := filepath.Join(dir, name)
	return path, os.MkdirAll(filepath.Dir(path), 0o755)
}
