package main

import (
	"context"
	"fmt"

	"movies/internal/postgres"
)

type migrateCommand struct{}

// Run applies what is missing and says what that was.
func (migrateCommand) Run(ctx context.Context, t *terminal) error {
	url, err := t.database()
	if err != nil {
		return err
	}
	applied, err := postgres.Migrate(ctx, url)
	if err != nil {
		return err
	}
	if t.json {
		return t.printJSON(map[string]any{"applied": applied})
	}
	for _, m := range applied {
		fmt.Fprintf(t.stdout, "applied %s\n", m.Name)
	}
	if len(applied) == 0 {
		fmt.Fprintln(t.stdout, "the schema is up to date")
	}
	return nil
}
