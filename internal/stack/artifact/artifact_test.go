package artifact

import (
	"archive/zip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeMaven puts a program named mvn on PATH that notes its calls and then does
// what the script says, with the folder for the downloads in $out.
func fakeMaven(t *testing.T, script string) (calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	program := "#!/bin/sh\necho called >> " + calls + `
for arg; do case $arg in -DoutputDirectory=*) out=${arg#*=};; esac; done
` + script
	if err := os.WriteFile(filepath.Join(dir, "mvn"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return calls
}

func TestFetchDownloadsOnce(t *testing.T) {
	calls := fakeMaven(t, `mkdir "$out"; echo jar > "$out/broker.jar"`)
	store := Store{Dir: t.TempDir(), POM: []byte("<project/>"), Report: func(line string) { t.Log(line) }}
	for range 2 {
		dir, err := store.Fetch(t.Context(), Kafka)
		if err != nil {
			t.Fatal(err)
		}
		if content, _ := os.ReadFile(filepath.Join(dir, "broker.jar")); string(content) != "jar\n" {
			t.Errorf("broker.jar holds %q", content)
		}
	}
	if log, _ := os.ReadFile(calls); string(log) != "called\n" {
		t.Errorf("Maven's calls: %q, want one", log)
	}
	store.POM = []byte("<project>newer</project>")
	if _, err := store.Fetch(t.Context(), Kafka); err != nil {
		t.Fatal(err)
	}
	if log, _ := os.ReadFile(calls); string(log) != "called\ncalled\n" {
		t.Errorf("Maven's calls after a change of the pom: %q, want another one", log)
	}
}

func TestAFailedFetchLeavesNothing(t *testing.T) {
	fakeMaven(t, `mkdir "$out"; echo half > "$out/broker.jar"; echo '[ERROR] Could not find artifact a:b:jar:1'; exit 1`)
	store := Store{Dir: t.TempDir(), Report: func(line string) { t.Log(line) }}
	_, err := store.Fetch(t.Context(), Kafka)
	if err == nil || !strings.Contains(err.Error(), "Could not find artifact a:b:jar:1") {
		t.Errorf("got error %v, want Maven's reason", err)
	}
	left, err := os.ReadDir(store.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		if entry.IsDir() {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
}

func TestMavenGetsTheJDKOfTheStore(t *testing.T) {
	fakeMaven(t, `mkdir "$out"; echo "$JAVA_HOME" > "$out/home"`)
	t.Setenv("JAVA_HOME", "/nonexistent")
	dir, err := Store{Dir: t.TempDir(), JavaHome: "/the/jdk", Report: func(line string) { t.Log(line) }}.Fetch(t.Context(), Kafka)
	if err != nil {
		t.Fatal(err)
	}
	if home, _ := os.ReadFile(filepath.Join(dir, "home")); string(home) != "/the/jdk\n" {
		t.Errorf("Maven's JAVA_HOME is %q, want that of the store", home)
	}
}

func TestWaitingForAnotherFetchIsToldAndEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var reports []string
	store := Store{Dir: t.TempDir(), Report: func(line string) {
		reports = append(reports, line)
		cancel()
	}}
	unlock, err := store.lock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := store.Fetch(ctx, Kafka); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that of the context", err)
	}
	if len(reports) != 1 || !strings.Contains(reports[0], "waiting for another download") {
		t.Errorf("reports %q, want one about the wait", reports)
	}
}

func TestFetchRemovesWhatAKilledOneLeft(t *testing.T) {
	fakeMaven(t, `mkdir "$out"; echo jar > "$out/broker.jar"`)
	store := Store{Dir: t.TempDir(), Report: func(line string) { t.Log(line) }}
	left := filepath.Join(store.Dir, ".fetch-123", "downloads")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Fetch(t.Context(), Kafka); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Dir(left)) {
		t.Errorf("%s is still there", left)
	}
}

func TestAMissingMavenIsOneSentence(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Store{Dir: t.TempDir(), Report: func(line string) { t.Log(line) }}.Fetch(t.Context(), Kafka)
	if err == nil || !strings.Contains(err.Error(), "install Apache Maven") {
		t.Errorf("got error %v, want the fix", err)
	}
}

func TestFollowTellsArtifactsAndErrors(t *testing.T) {
	const output = "[INFO] Scanning for projects...\n" +
		"Downloading from central: https://repo/org/a/1/a-1.pom\n" +
		"Downloaded from central: https://repo/org/a/1/a-1.pom (1.2 kB at 10 kB/s)\n" +
		"Downloaded from central: https://repo/org/b/1/b-1.jar (57 kB at 1.2 MB/s)\n" +
		"Progress (1): 3.1/160 MB\rProgress (1): 9.9/160 MB\r" +
		"Downloaded from central: https://repo/org/a/1/a-1.zip (160 MB at 5.2 MB/s)\n" +
		"[ERROR] first\n[ERROR] second"
	var reports []string
	failures := follow(strings.NewReader(output), func(line string) { reports = append(reports, strings.TrimSpace(line)) })
	if want := []string{"a-1.zip (160 MB at 5.2 MB/s)"}; !slices.Equal(reports, want) {
		t.Errorf("reports %q, want %q", reports, want)
	}
	if want := []string{"first", "second"}; !slices.Equal(failures, want) {
		t.Errorf("failures %q, want %q", failures, want)
	}
}

func TestUnpackDistribution(t *testing.T) {
	t.Parallel()
	downloads, dir := t.TempDir(), t.TempDir()
	writeZip(t, filepath.Join(downloads, "server-1.zip"), "server-1/plugins/", "server-1/lib/a.jar")
	if err := unpackDistribution(downloads, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plugins", "lib/a.jar"} {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestOpenSearch2GetsItsModules(t *testing.T) {
	t.Parallel()
	downloads, dir := t.TempDir(), t.TempDir()
	writeZip(t, filepath.Join(downloads, "opensearch-2.19.3.zip"), "opensearch-2.19.3/modules/transport-netty4/netty.jar")
	jars := []string{"analysis-common-2.19.3.jar", "opensearch-scripting-painless-spi-2.19.3.jar", "mapper-extras-client-2.19.3.jar"}
	for _, name := range jars {
		writeZip(t, filepath.Join(downloads, name), "class")
	}
	if err := unpackOpenSearch2(downloads, dir); err != nil {
		t.Fatal(err)
	}
	descriptor, err := os.ReadFile(filepath.Join(dir, "modules", "mapper-extras", "plugin-descriptor.properties"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(descriptor), "opensearch.version=2.19.3\n") {
		t.Errorf("the module does not name its version:\n%s", descriptor)
	}
	for _, name := range []string{"analysis-common/" + jars[0], "analysis-common/" + jars[1], "mapper-extras/" + jars[2]} {
		if !exists(filepath.Join(dir, "modules", name)) {
			t.Errorf("%s is missing", name)
		}
	}
	if err := unpackOpenSearch2(downloads, t.TempDir()); err == nil {
		t.Error("unpacked without the jars")
	}
}

func TestUnpackRefusesToLeaveTheFolder(t *testing.T) {
	t.Parallel()
	downloads, dir := t.TempDir(), t.TempDir()
	writeZip(t, filepath.Join(downloads, "server-1.zip"), "server-1/../../escaped")
	if err := unpackDistribution(downloads, dir); err == nil || exists(filepath.Join(filepath.Dir(dir), "escaped")) {
		t.Errorf("unpacked a member outside of its folder; error %v", err)
	}
	if err := link(dir, "lib/a", "../../outside"); err == nil {
		t.Error("made a link that leads outside")
	}
}

func writeZip(t *testing.T, name string, members ...string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for _, member := range members {
		if _, err := archive.Create(member); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
