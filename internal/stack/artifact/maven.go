package artifact

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// errNoMaven is the error of a missing part on a machine without Maven.
var errNoMaven = errors.New("the program mvn was not found: install Apache Maven 3.6.3 or newer (Debian: apt install maven, macOS: brew install maven)")

// copyDependencies downloads the artifacts of the profile into dir.
func (s Store) copyDependencies(ctx context.Context, pom, profile, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errNoMaven
	}
	cmd := exec.CommandContext(ctx, mvn, "-f", pom, "-P", profile,
		"-Dstyle.color=never", "-DoutputDirectory="+dir, "-Dpostgres.platform="+postgresPlatform(),
		"dependency:copy-dependencies")
	cmd.Env = append(os.Environ(), "JAVA_HOME="+s.JavaHome)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	failures := follow(output, s.Report)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("mvn failed (%w): %s", err, strings.Join(failures, "\n"))
	}
	return nil
}

// Maven says "Downloaded from central: https://host/a/b/c-1.zip (160 MB at 5.2 MB/s)"
// and, on lines that overwrite each other, "Progress (1): 3.1/160 MB".
var (
	downloaded = regexp.MustCompile(`^Downloaded from \S+: (\S+) \(([\d.]+ [MG]B at .+)\)`)
	progress   = regexp.MustCompile(`^Progress \(\d+\): (.+[MG]B.*)$`)
)

// follow turns Maven's output into reports, a line for every artifact of a
// megabyte or more and one every few seconds of its download, and returns
// Maven's errors.
func follow(output io.Reader, report func(string)) (failures []string) {
	last := time.Now()
	lines := bufio.NewScanner(output)
	lines.Split(splitLines)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if m := downloaded.FindStringSubmatch(line); m != nil {
			report(fmt.Sprintf("  %s (%s)", path.Base(m[1]), m[2]))
			last = time.Now()
		} else if m := progress.FindStringSubmatch(line); m != nil && time.Since(last) > progressInterval {
			report("  " + m[1])
			last = time.Now()
		} else if text, ok := strings.CutPrefix(line, "[ERROR] "); ok && len(failures) < 3 {
			failures = append(failures, text)
		}
	}
	_, _ = io.Copy(io.Discard, output)
	return failures
}

// progressInterval is the time between two lines about the same download.
const progressInterval = 2 * time.Second

// splitLines splits at \n and at \r.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// postgresPlatform is this machine in the names of the PostgreSQL packages.
func postgresPlatform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	return runtime.GOOS + "-" + arch
}
