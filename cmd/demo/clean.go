package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"movies/internal/stack"
)

// cleanCommand removes what run and exec have left.
type cleanCommand struct {
	Dir string `name:"dir" env:"DEMO_DIR" default:".local" placeholder:"DIR" help:"Folder of the demo. [$$DEMO_DIR]"`
}

// Run refuses while a demo runs in the folder, and removes only what demos make.
func (c cleanCommand) Run() error {
	report := func(line string) { fmt.Println(line) }
	for _, dir := range []string{filepath.Join(c.Dir, "test"), c.Dir} {
		if err := stack.Clean(dir, report); err != nil {
			return err
		}
	}
	err := errors.Join(
		os.RemoveAll(filepath.Join(c.Dir, "bin")),
		os.RemoveAll(filepath.Join(c.Dir, "test")),
		os.RemoveAll(envFile(c.Dir)))
	if left, _ := os.ReadDir(c.Dir); len(left) == 0 {
		err = errors.Join(err, os.RemoveAll(c.Dir))
	}
	return err
}
