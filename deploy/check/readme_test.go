package check

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *```\n(.*?)^ *```$")
	inline  = regexp.MustCompile("`((?:make|reindex|catalog|kubectl create job|go run|go test) [^`]*)`")
	fromJob = regexp.MustCompile(`--from=cronjob/([a-z]+)`)
)

// TestFirstPage: the commands of README.md exist. Its lines of curl are run by make
// acceptance.
func TestFirstPage(t *testing.T) {
	page := filepath.Join(root, "README.md")
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	checkLinks(t, page, string(content))
	seen := 0
	for _, block := range fencedAnywhere.FindAllStringSubmatch(string(content), -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, " #")
			for command := range strings.SplitSeq(line, " && ") {
				if command = strings.TrimRight(command, " \n"); ourCommand.MatchString(command) {
					seen++
					checkCommand(t, page, command)
				}
			}
		}
	}
	for _, target := range regexp.MustCompile("`(make [a-z-]+)`").FindAllStringSubmatch(string(content), -1) {
		seen++
		checkCommand(t, page, target[1])
	}
	if seen < 15 {
		t.Errorf("only %d commands seen: the page is read wrongly", seen)
	}
}

var (
	fencedAnywhere = regexp.MustCompile("(?ms)^```\n(.*?)^```$")
	ourCommand     = regexp.MustCompile(`^(make|catalog|reindex|relevance) `)
)

// TestReadme: every command of the plan and of the runbook is one that there is, and
// every alert is in the index.
func TestReadme(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(deploy, "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(deploy, "README.md")
	seen := 0
	for _, page := range append(pages, plan) {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		checkLinks(t, page, text)
		for _, block := range fenced.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				seen++
				checkCommand(t, page, strings.TrimSpace(line))
			}
		}
		for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			seen++
			checkCommand(t, page, strings.Join(strings.Fields(m[1]), " "))
		}
		if page == plan {
			for name := range rules(t) {
				if !strings.Contains(text, "| ["+name+"](runbooks/"+name+".md) |") {
					t.Errorf("%s: %s is not in the index", page, name)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands seen: the pages are read wrongly", seen)
	}
}

// checkCommand: the target, command, file or object that the line names exists.
func checkCommand(t *testing.T, page, line string) {
	t.Helper()
	words := strings.Fields(line)
	exists := func(path string) {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("%s: %s: %v", page, line, err)
		}
	}
	switch {
	case words[0] == "make":
		makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(makefile), "\n"+words[1]+":") {
			t.Errorf("%s: make has no target %s", page, words[1])
		}
	case words[0] == "reindex" || words[0] == "catalog":
		usageOf(t, commandOf(words))
	case words[0] == "docker":
		exists(words[3])
	case words[0] == "go":
		exists(words[2])
	case strings.HasPrefix(line, "kubectl apply -k "):
		exists(words[3])
	case strings.HasPrefix(line, "kubectl create job "):
		job := fromJob.FindStringSubmatch(line)
		if job == nil {
			t.Errorf("%s: %s: of which CronJob?", page, line)
			return
		}
		exists("deploy/k8s/base/" + job[1] + ".yaml")
	default:
		t.Errorf("%s: nobody checks %q", page, line)
	}
}

// commandOf leaves out the words that an operator puts in, and the flags they are
// the values of.
func commandOf(words []string) []string {
	var command []string
	for _, w := range words {
		last := len(command) - 1
		switch {
		case w != strings.ToUpper(w) && !strings.ContainsAny(w, "./"):
			command = append(command, w)
		case strings.HasPrefix(command[last], "--"):
			command = command[:last]
		}
	}
	return command
}
