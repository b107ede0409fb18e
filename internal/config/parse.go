package config

import (
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// The exit codes of every binary.
const (
	ExitOK      = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitDiffers = 3
)

// ErrDiffers makes Exit return ExitDiffers: the work was done and found
// differences.
var ErrDiffers = errors.New("differences found")

// UsageError is a mistake in how a binary was called.
type UsageError struct{ Err error }

// Error says what is wrong and where help is.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// version is what --version says: the linker sets it (see Makefile and
// deploy/Dockerfile).
var version = "unknown"

// errHelpShown ends a run whose --help or --version has been printed.
var errHelpShown = errors.New("help shown")

// Parse fills cli (a pointer to the binary's config struct) from args and the
// environment. description is what --help shows above the flags; it should
// contain an example that works. An error is a *UsageError, or means that help
// was shown; give it to Exit.
func Parse(name, description string, cli any, args []string, stdout, stderr io.Writer, options ...kong.Option) (*kong.Context, error) {
	helped := false
	options = append([]kong.Option{
		kong.Name(name),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true; panic(errHelpShown) }),
		kong.UsageOnError(),
		kong.Embed(new(struct {
			Version kong.VersionFlag `help:"Show which version this is, and stop."`
		})),
		kong.Vars{"version": version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
	}, options...)
	parser, err := kong.New(cli, options...)
	if err != nil {
		return nil, fmt.Errorf("%s: command line definition: %w", name, err)
	}
	ctx, err := parseStoppedByHelp(parser, args, &helped)
	if helped {
		return nil, errHelpShown
	}
	if err != nil {
		return nil, &UsageError{err}
	}
	return ctx, nil
}

// parseStoppedByHelp parses, and stops where kong would have ended the process.
func parseStoppedByHelp(parser *kong.Kong, args []string, helped *bool) (ctx *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil && !*helped {
			panic(r)
		}
	}()
	return parser.Parse(args)
}

// Exit turns the outcome of a run into the process's exit code and prints the
// error, if any, as one line on stderr.
func Exit(name string, err error, stderr io.Writer) int {
	var usage *UsageError
	switch {
	case err == nil, errors.Is(err, errHelpShown):
		return ExitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\nRun \"%s --help\" for what it takes.\n", name, err, name)
		return ExitUsage
	case errors.Is(err, ErrDiffers):
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return ExitDiffers
	default:
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return ExitFailed
	}
}
