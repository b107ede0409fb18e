package stack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	minimumJDK   = 17 // Kafka and OpenSearch 2
	preferredJDK = 21 // OpenSearch 3
	archivingJDK = 19 // keeps class archives by itself
	confiningJDK = 23 // the last that has what OpenSearch 2 confines plugins with
)

// ErrNoOldJDK says that no JDK is there that runs OpenSearch 2.
var ErrNoOldJDK = fmt.Errorf("no JDK from %d to %d was found", minimumJDK, confiningJDK)

// jdk is a Java runtime of this machine.
type jdk struct {
	home    string
	version int // the feature release: 17, 21, 25
}

func (j jdk) java() string { return filepath.Join(j.home, "bin", "java") }

// classArchive makes a server's JVM keep its classes, parsed and verified, in a
// file that later runs map, which halves the work of a start. The JVM writes the
// file when it ends, and anew when it does not fit. All stacks of a machine
// share it.
func (s *Stack) classArchive(name string) []string {
	if s.jdk.version < archivingJDK {
		return nil
	}
	file := filepath.Join(s.archives(), fmt.Sprintf("%s-jdk%d.jsa", name, s.jdk.version))
	return []string{"-XX:+AutoCreateSharedArchive", "-XX:SharedArchiveFile=" + file, "-Xlog:cds=off"}
}

// archives is the folder of the class archives.
func (s *Stack) archives() string { return filepath.Join(s.options.CacheDir, "archives") }

// findJDK returns the JDK of JAVA_HOME when it is of the preferred version, else
// the newest of PATH and the usual folders. usable tells whether the account of
// the servers can run programs below a folder.
func findJDK(usable func(dir string) bool) (jdk, error) {
	return chooseJDK(os.Getenv("JAVA_HOME"), jdkFolders(), usable)
}

// findOldJDK is a JDK that runs OpenSearch 2; its version is 0 where there is none.
func findOldJDK(usable func(dir string) bool) jdk {
	for _, home := range append([]string{os.Getenv("JAVA_HOME")}, jdkFolders()...) {
		if version := jdkVersion(home); version >= minimumJDK && version <= confiningJDK && usable(home) {
			return jdk{home, version}
		}
	}
	return jdk{}
}

// chooseJDK decides among the candidates, javaHome first.
func chooseJDK(javaHome string, folders []string, usable func(dir string) bool) (jdk, error) {
	var best jdk
	for i, home := range append([]string{javaHome}, folders...) {
		version := jdkVersion(home)
		if version == 0 || !usable(home) {
			continue
		}
		if i == 0 && version >= preferredJDK {
			return jdk{home, version}, nil
		}
		if version > best.version {
			best = jdk{home, version}
		}
	}
	const fix = "install one (Debian: apt install openjdk-21-jdk-headless, macOS: brew install openjdk) or set JAVA_HOME to it"
	switch {
	case best.version == 0:
		return jdk{}, fmt.Errorf("no JDK was found: the servers need JDK %d, better %d or newer; %s", minimumJDK, preferredJDK, fix)
	case best.version < minimumJDK:
		return jdk{}, fmt.Errorf("the newest JDK found is %d, in %s: the servers need JDK %d, better %d or newer; %s",
			best.version, best.home, minimumJDK, preferredJDK, fix)
	}
	return best, nil
}

// mavenHome is the JDK of Maven: that of JAVA_HOME, which may have been prepared
// for it, unless it is missing or too old; then the one the servers run on.
func mavenHome(javaHome string, servers jdk) string {
	if jdkVersion(javaHome) >= minimumJDK {
		return javaHome
	}
	return servers.home
}

// jdkFolders lists where JDKs usually are; not every entry is one.
func jdkFolders() []string {
	var folders []string
	if java, err := exec.LookPath("java"); err == nil {
		if java, err = filepath.EvalSymlinks(java); err == nil {
			folders = append(folders, filepath.Dir(filepath.Dir(java)))
		}
	}
	home, _ := os.UserHomeDir()
	for _, pattern := range []string{
		"/usr/lib/jvm/*",
		"/usr/java/*",
		"/usr/local/lib/jvm/*",
		"/usr/local/openjdk*",
		"/opt/*",
		"/opt/java/*",
		"/opt/jdk/*",
		"/Library/Java/JavaVirtualMachines/*/Contents/Home",
		"/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
		"/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
		filepath.Join(home, ".sdkman/candidates/java/*"),
		filepath.Join(home, ".jdks/*"),
		filepath.Join(home, "Library/Java/JavaVirtualMachines/*/Contents/Home"),
	} {
		matches, _ := filepath.Glob(pattern)
		folders = append(folders, matches...)
	}
	return folders
}

// jdkVersion is the feature release of the JDK in the folder, 0 if there is none.
func jdkVersion(home string) int {
	java := filepath.Join(home, "bin", "java")
	if info, err := os.Stat(java); home == "" || err != nil || info.Mode()&0o111 == 0 {
		return 0
	}
	if version := releaseVersion(filepath.Join(home, "release")); version != 0 {
		return version
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return 0
	}
	return parseVersion(string(out))
}

// releaseVersion reads the file that JDKs describe themselves with.
func releaseVersion(file string) int {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if version, ok := strings.CutPrefix(lines.Text(), "JAVA_VERSION="); ok {
			return parseVersion(version)
		}
	}
	return 0
}

var quotedVersion = regexp.MustCompile(`"(?:1\.)?(\d+)[^"]*"`)

// parseVersion finds "25.0.1", or "1.8.0_402", in quotes and returns 25, or 8.
func parseVersion(text string) int {
	m := quotedVersion.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	version, _ := strconv.Atoi(m[1])
	return version
}
