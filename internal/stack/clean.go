package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"movies/internal/stack/supervisor"
)

// Clean removes what stacks left in the folder: data, logs and pid files. It
// refuses while a stack runs there, ends the leftovers of a killed one, and
// leaves everything else in the folder alone.
func Clean(dir string, report func(line string)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	owner, err := supervisor.New(dir, report)
	if err != nil {
		return err
	}
	var errs []error
	if linked, err := os.Readlink(filepath.Join(dir, "data")); err == nil && linked == elsewhere(dir) {
		errs = append(errs, os.RemoveAll(linked))
	}
	for _, name := range []string{"data", "log", "run"} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(append(errs, owner.Stop(context.Background()))...)
}
