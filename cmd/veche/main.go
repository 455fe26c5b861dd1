package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes that every subcommand shares. status.go has its own, finer ones.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	exitRemoved = 3 // of serve: this server is no member any more
)

// exitError ends the program with a code. An empty text prints nothing: the
// command has said what there is to say.
type exitError struct {
	code int
	text string
}

// Error gives the sentence for the person.
func (e *exitError) Error() string { return e.text }

// usagef is a mistake in how the program was called or configured.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, text: fmt.Sprintf(format, args...)}
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUsage // what cobra itself refuses is always a wrong call
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	} else if _, ok := errors.AsType[*changeError](err); ok {
		code = exitFailed
	}
	if err.Error() != "" {
		fmt.Fprintf(stderr, "veche: %v\n", err)
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "veche",
		Short:         "Veche elects a leader among your servers and keeps what it acknowledged",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), statusCommand(), memberCommand(), transferCommand(), recoverCommand(), demoCommand(), benchCommand(),
		burnCommand(), simCommand(), modelCommand(), versionCommand())
	return root
}
