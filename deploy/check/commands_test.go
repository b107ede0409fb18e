package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// root is the service's module; deploy is the folder that is checked.
const (
	root   = "../.."
	deploy = ".."
)

// container is what compose and Kubernetes agree on.
type container struct {
	where string // for messages
	args  []string
	env   []string // names
}

// usage is what a command says that it takes.
type usage struct {
	env      map[string]bool // by name
	required []string        // names
}

// TestMain removes what built made.
func TestMain(m *testing.M) {
	code := m.Run()
	if binaries != "" {
		_ = os.RemoveAll(binaries)
	}
	os.Exit(code)
}

var binaries string

// built compiles the commands once, as the Dockerfile does.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "movies-commands-")
	if err != nil {
		return "", err
	}
	binaries = dir
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/api", "./cmd/auth", "./cmd/catalog", "./cmd/indexer", "./cmd/reindex", "./cmd/relay")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return dir, nil
})

var (
	flagOf     = regexp.MustCompile(`^--([a-z0-9-]+)`)
	newFlag    = regexp.MustCompile(`\n +(?:-[a-z], )?--`)
	envOf      = regexp.MustCompile(`\[\$([A-Z0-9_]+)\]`)
	neededFlag = regexp.MustCompile(` --([a-z0-9-]+)=`)
)

// usageOf asks the command itself.
func usageOf(t *testing.T, args []string) usage {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatalf("build the commands: %v", err)
	}
	out, err := exec.Command(filepath.Join(dir, args[0]), append(args[1:len(args):len(args)], "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s --help: %v\n%s", strings.Join(args, " "), err, out)
	}
	u := usage{env: map[string]bool{}}
	variable := map[string]string{}
	for i, block := range newFlag.Split(string(out), -1) {
		if env := envOf.FindStringSubmatch(block); i > 0 && env != nil {
			u.env[env[1]] = true
			variable[flagOf.FindStringSubmatch("--" + block)[1]] = env[1]
		}
	}
	synopsis, _, _ := strings.Cut(string(out), "\n")
	for _, flag := range neededFlag.FindAllStringSubmatch(synopsis, -1) {
		u.required = append(u.required, variable[flag[1]])
	}
	return u
}

// checkContainer compares what a container is given with what its command takes.
func checkContainer(t *testing.T, c container) {
	t.Helper()
	if len(c.args) == 0 {
		t.Errorf("%s: has no command: the image holds several", c.where)
		return
	}
	u := usageOf(t, c.args)
	given := map[string]bool{}
	for _, name := range c.env {
		given[name] = true
		if !u.env[name] {
			t.Errorf("%s: %s is no setting of %s", c.where, name, strings.Join(c.args, " "))
		}
	}
	for _, name := range u.required {
		if !given[name] {
			t.Errorf("%s: %s requires %s", c.where, strings.Join(c.args, " "), name)
		}
	}
}
