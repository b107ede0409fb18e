package stack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`"25.0.3"`:    25,
		`"17"`:        17,
		`"1.8.0_402"`: 8,
		"openjdk version \"21.0.2\" 2024-01-16\nOpenJDK Runtime": 21,
		`"26-ea"`:           26,
		"command not found": 0,
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("parseVersion(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestChooseJDK(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	jdk11, jdk17, jdk21, jdk25 := fakeJDK(t, dir, "11.0.1"), fakeJDK(t, dir, "17.0.9"), fakeJDK(t, dir, "21.0.2"), fakeJDK(t, dir, "25")
	noJDK := t.TempDir()
	for _, test := range []struct {
		name     string
		javaHome string
		folders  []string
		want     string
		problem  string
	}{
		{name: "the newest", folders: []string{noJDK, jdk17, jdk25, jdk21}, want: jdk25},
		{name: "JAVA_HOME wins when it fits", javaHome: jdk21, folders: []string{jdk25}, want: jdk21},
		{name: "an old JAVA_HOME does not", javaHome: jdk17, folders: []string{jdk25}, want: jdk25},
		{name: "17 will do", javaHome: jdk17, want: jdk17},
		{name: "a wrong JAVA_HOME is no harm", javaHome: noJDK, folders: []string{jdk21}, want: jdk21},
		{name: "too old", folders: []string{jdk11}, problem: "the newest JDK found is 11"},
		{name: "none", folders: []string{noJDK}, problem: "no JDK was found"},
		{name: "unusable", folders: []string{filepath.Join(dir, "secret", "jdk")}, problem: "no JDK was found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			usable := func(dir string) bool { return !strings.Contains(dir, "secret") }
			got, err := chooseJDK(test.javaHome, test.folders, usable)
			if test.problem == "" && (err != nil || got.home != test.want) {
				t.Errorf("got %+v, %v, want %s", got, err, test.want)
			}
			if test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem) || !strings.Contains(err.Error(), "set JAVA_HOME")) {
				t.Errorf("got error %v, want %q and the fix", err, test.problem)
			}
		})
	}
}

func TestMavenRunsOnAUsableJDK(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	jdk11, jdk17, jdk25 := fakeJDK(t, dir, "11.0.1"), fakeJDK(t, dir, "17.0.9"), fakeJDK(t, dir, "25")
	for javaHome, want := range map[string]string{"": jdk25, "/nonexistent": jdk25, jdk11: jdk25, jdk17: jdk17} {
		if got := mavenHome(javaHome, jdk{home: jdk25, version: 25}); got != want {
			t.Errorf("JAVA_HOME=%s: Maven runs on %s, want %s", javaHome, got, want)
		}
	}
}

func TestVersionOfJDKWithoutReleaseFile(t *testing.T) {
	t.Parallel()
	home := fakeJDK(t, t.TempDir(), "19.0.1")
	if err := os.Remove(filepath.Join(home, "release")); err != nil {
		t.Fatal(err)
	}
	if got := jdkVersion(home); got != 19 {
		t.Errorf("jdkVersion = %d, want what java -version says, 19", got)
	}
}

// fakeJDK makes a folder that looks like a JDK.
func fakeJDK(t *testing.T, dir, version string) (home string) {
	t.Helper()
	home = filepath.Join(dir, version)
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	java := "#!/bin/sh\necho 'openjdk version \"" + version + "\" 2026-01-01' >&2\n"
	if err := os.WriteFile(filepath.Join(home, "bin", "java"), []byte(java), 0o755); err != nil {
		t.Fatal(err)
	}
	release := "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"" + version + "\"\n"
	if err := os.WriteFile(filepath.Join(home, "release"), []byte(release), 0o644); err != nil {
		t.Fatal(err)
	}
	return home
}
