package check

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose: the file is valid by the specification's schema, every service
// that stays tells its health, and ours are configured by settings they have.
func TestCompose(t *testing.T) {
	path, err := filepath.Abs(filepath.Join(deploy, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.Profiles = []string{"*"} })
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for name, s := range project.Services {
		once := s.Restart == "on-failure"
		if s.HealthCheck == nil && !once {
			t.Errorf("%s: has no health check", name)
		}
		if s.Build != nil {
			ours++
			c := container{where: "compose.yaml: " + name, args: s.Command}
			for variable := range s.Environment {
				c.env = append(c.env, variable)
			}
			checkContainer(t, c)
		}
		checkPlain(t, name, s)
	}
	checkComposedCache(t, project.Services)
	if ours < 6 {
		t.Errorf("only %d of the service's own processes are there", ours)
	}
}

// checkPlain: images have versions, ports stay on this machine, mounts exist.
func checkPlain(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	if _, tag, _ := strings.Cut(s.Image, ":"); tag == "" || tag == "latest" {
		t.Errorf("%s: the image %s has no version", name, s.Image)
	}
	for _, p := range s.Ports {
		if p.HostIP != "127.0.0.1" {
			t.Errorf("%s: port %s is open to the network", name, p.Published)
		}
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
